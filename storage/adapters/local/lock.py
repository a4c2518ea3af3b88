"""One writing process for each folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from storage.errors import OperatorError


class WriterLock:
    """A lock of the operating system on a file: it goes when the process goes, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock; raises OperatorError at once when another has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise OperatorError(
                f"process {holder or 'unknown'} already writes to {self._path.parent}",
                fix="stop that process, or set LOCAL_PATH to another folder",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
