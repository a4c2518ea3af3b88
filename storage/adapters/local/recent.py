"""Small files that were written or read lately, in memory: files never change, so what is kept is never stale."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pyarrow as pa

from storage.adapters.local.manifest import File

FILE_BYTES = 256 << 10
TOTAL_BYTES = 32 << 20


class Recent:
    """Rows by file, at most `total_bytes` of them; the one that was not asked for the longest goes first."""

    def __init__(self, file_bytes: int = FILE_BYTES, total_bytes: int = TOTAL_BYTES) -> None:
        self._file_bytes = file_bytes
        self._total_bytes = total_bytes
        self._kept: OrderedDict[File, pa.Table] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def wants(self, file: File) -> bool:
        """Whether the file is small enough to be kept."""
        return file.size <= self._file_bytes

    def get(self, file: File) -> pa.Table | None:
        """The rows of the file, if they are here."""
        with self._lock:
            if file in self._kept:
                self._kept.move_to_end(file)
            return self._kept.get(file)

    def keep(self, file: File, rows: pa.Table) -> None:
        """Keep the rows of a file, if it is small and they are no slice of something large."""
        if not self.wants(file) or rows.get_total_buffer_size() > 2 * self._file_bytes:
            return
        with self._lock:
            self._bytes += 0 if file in self._kept else file.size
            self._kept[file] = rows
            while self._bytes > self._total_bytes:
                oldest, _ = self._kept.popitem(last=False)
                self._bytes -= oldest.size

    def drop(self, file: File) -> None:
        """Forget a file that is no more."""
        with self._lock:
            if self._kept.pop(file, None) is not None:
                self._bytes -= file.size
