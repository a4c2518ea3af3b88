"""One small file for each run whose lineage rows wait: atomic, synced, checked, and locked while the run lives."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from storage.errors import OperatorError, RejectedError
from storage.spool.waiting import Waiting

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class SpoolError(OperatorError):
    """The spool's folder does not let us work; what waits is kept in memory, and in an older file."""


class CorruptSpool(SpoolError):
    """A spool file cannot be delivered; it was set aside under another name, nothing else waits for it."""


class LineageSpool:
    """The rows of this run that wait, in memory and, once `save` was called, on disk.

    Nothing is written while nothing waits. Methods that touch the disk block: call them in a thread.
    Raises RejectedError for a run id that is no name for a file.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        if not RUN_ID.fullmatch(run_id):
            raise RejectedError(f"invalid run id {run_id[:80]!r}: letters, digits, '.', '_' and '-', at most 64")
        self.waiting = Waiting()
        self._path = folder / f"lineage-{run_id}.json"
        self._lock: IO[bytes] | None = None
        self._saved = Waiting()
        self._saving = threading.Lock()

    def save(self) -> None:
        """Bring the file in line with `waiting`; raises SpoolError when the disk does not let it."""
        with self._saving:
            waiting = self.waiting
            if waiting == self._saved:
                return
            with disk(self._path.parent):
                self._replace(waiting)
            self._saved = waiting

    def next_leftover(self) -> Leftover | None:
        """The oldest file of a run whose process is dead, or None; raises SpoolError."""
        with disk(self._path.parent):
            for path in sorted(self._path.parent.glob("lineage-*.json"), key=_age):
                if (lock := _try_lock(path)) is None:
                    continue
                if path.exists():
                    return Leftover(path, lock)
                _unlock(lock)
        return None

    def close(self) -> None:
        """Let the next process have what is left; nothing may be saved after this."""
        lock, self._lock = self._lock, None
        if lock is not None:
            Leftover(self._path, lock).release()

    def _replace(self, waiting: Waiting) -> None:
        if not len(waiting):
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Held until the end of the run: a file without a living owner is taken over by others.
        self._lock = self._lock or _try_lock(self._path)
        if self._lock is None:
            raise BlockingIOError(f"another process uses {self._path}")
        _write_synced(self._path, encode(waiting))


class Leftover:
    """The spool file of a run that has ended, held by its lock until it is removed, set aside or let go."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self._path = path
        self._lock = lock

    def read(self) -> Waiting:
        """Its rows; raises CorruptSpool after setting a damaged file aside, or SpoolError."""
        with disk(self._path.parent):
            try:
                return decode(self._path.read_bytes())
            except ValueError as error:
                raise self.set_aside(error) from error

    def set_aside(self, reason: Exception) -> CorruptSpool:
        """Keep the file out of the way, and give the error that says where it is now."""
        aside = self._path.with_suffix(".corrupt")
        with disk(self._path.parent):
            self._path.replace(aside)
        return CorruptSpool(
            f"lineage rows of an earlier run set aside: {reason}", fix=f"look at {aside}, then remove it"
        )

    def remove(self) -> None:
        """Its rows have arrived; raises SpoolError."""
        with disk(self._path.parent):
            self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let another process have what is left of it; raises SpoolError."""
        with disk(self._path.parent):
            if self._path.exists():
                self._lock.close()
            else:
                _unlock(self._lock)


class _File(msgspec.Struct, frozen=True):
    """What a spool file holds; the checksum tells a damaged one."""

    sha256: str
    waiting: msgspec.Raw


def encode(waiting: Waiting) -> bytes:
    """The bytes of a spool file."""
    content = msgspec.json.encode(waiting)
    return msgspec.json.encode(_File(hashlib.sha256(content).hexdigest(), msgspec.Raw(content)))


def decode(content: bytes) -> Waiting:
    """What was encoded; raises ValueError for anything else."""
    file = msgspec.json.decode(content, type=_File)
    if hashlib.sha256(file.waiting).hexdigest() != file.sha256:
        raise ValueError("the checksum does not fit")
    return msgspec.json.decode(file.waiting, type=Waiting)


def _try_lock(path: Path) -> IO[bytes] | None:
    """The lock of a spool file, or None when a living process holds it."""
    lock = path.with_suffix(".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _unlock(lock: IO[bytes]) -> None:
    # Only after the spool file is gone: until then the name is what other processes look at.
    with lock:
        Path(lock.name).unlink(missing_ok=True)


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except FileNotFoundError:
        return 0.0, path.name


def _write_synced(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """What the disk refuses inside, as a SpoolError."""
    try:
        yield
    except OSError as error:
        raise SpoolError(
            f"no lineage spool in {folder}: {error}", fix="make room there, and let this user write in it"
        ) from error
