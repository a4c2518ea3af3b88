"""Questions to the local store: rows in the order of time, one for each `_id`, in bounded memory.

files by first time ─► pending rows ─► those that no later file can touch ─► arranged, out
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.local.errors import FileGone
from storage.adapters.local.files import Files
from storage.adapters.local.manifest import File, Manifest
from storage.adapters.local.parquet import arrange
from storage.tables import Table, table_of_collection

T = TypeVar("T")


class Span(NamedTuple):
    """What is asked of a collection: times in epoch milliseconds, both included; no symbol is any."""

    first: int = -(2**63)
    last: int = 2**63 - 1
    symbol: str | None = None

    def covers(self, file: File) -> bool:
        """Whether every row of the file is meant."""
        return self.symbol is None and self.first <= file.first_time and file.last_time <= self.last


EVERYTHING = Span()


class Reader:
    """Reads what the manifest lists; files may be written and merged meanwhile, also by another process."""

    def __init__(self, files: Files, manifest: Manifest) -> None:
        self._files = files
        self._manifest = manifest

    def rows(self, collection: str, span: Span, names: Collection[str] | None = None) -> Iterator[pa.Table]:
        """The rows of the span in the order of time and `_id`, in tables of about one file each.

        With `names` only these columns need to be there.
        """
        columns = None if names is None else _needed(collection, names)
        while True:
            try:
                files = self._manifest.files(collection, span.first, span.last)
                for reached, rows in self.sweep(files, span, columns):
                    yield rows
                    span = span._replace(first=reached)
                return
            except FileGone as gone:
                if not self._was_replaced(gone):
                    raise

    def latest(self, collection: str, limit: int, symbol: str | None = None) -> pa.Table | None:
        """The newest rows, in the order of time; None when there are no files."""
        return self._retrying(lambda: self._latest(collection, limit, Span(symbol=symbol)))

    def count(self, collection: str, span: Span) -> int:
        """How many rows stand in the span."""
        return self._retrying(lambda: self._count(collection, span))

    def sweep(
        self, files: Sequence[File], span: Span = EVERYTHING, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[int, pa.Table]]:
        """Rows of files of one collection, by their first time; with each the time before which all is said.

        Raises FileGone.
        """
        pending: list[pa.Table] = []
        for file in files:
            ends = [_rows_before(rows, file.first_time) for rows in pending]
            if any(ends):
                ready = [rows.slice(0, end) for rows, end in zip(pending, ends, strict=True)]
                yield file.first_time, _joined(file.table, ready)
            pending = [rows.slice(end) for rows, end in zip(pending, ends, strict=True) if end < rows.num_rows]
            pending.append(self._read(file, span, columns))
        if any(rows.num_rows for rows in pending):
            yield span.last, _joined(files[0].table, pending)

    def _read(self, file: File, span: Span, columns: Sequence[str] | None = None) -> pa.Table:
        if span.covers(file):
            return self._files.read(file, columns)
        rows = self._files.read(file, columns, ("timestamp", span.first, span.last))
        return rows if span.symbol is None else rows.filter(pc.equal(rows.column("symbol"), span.symbol))

    def _latest(self, collection: str, limit: int, span: Span) -> pa.Table | None:
        newest: pa.Table | None = None
        for file in sorted(self._manifest.files(collection), key=lambda file: -file.last_time):
            if newest is not None and newest.num_rows == limit and newest["timestamp"][0].value > file.last_time:
                break
            rows = self._read(file, span)
            newest = rows if newest is None else _joined(file.table, [newest, rows])
            newest = newest.slice(max(0, newest.num_rows - limit))
        return newest

    def _count(self, collection: str, span: Span) -> int:
        files = self._manifest.files(collection, span.first, span.last)
        if not files:
            return 0
        if versions := files[0].table.version:
            columns = ["_id", "symbol", "timestamp", *versions]
            return _length(rows for _, rows in self.sweep(files, span, columns))
        # A key without versions is stored once: what lies inside need not be read.
        inside = sum(file.rows for file in files if span.covers(file))
        at_the_edges = [file for file in files if not span.covers(file)]
        return inside + _length(self._read(file, span, ["symbol", "timestamp"]) for file in at_the_edges)

    def _retrying(self, work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except FileGone as gone:
                if not self._was_replaced(gone):
                    raise

    def _was_replaced(self, gone: FileGone) -> bool:
        return not self._manifest.lists(gone.file)


def _needed(collection: str, names: Collection[str]) -> list[str]:
    """The columns of these names, and those that tell which row is the newest of its key."""
    return [*{"_id", "symbol", "timestamp", *table_of_collection(collection).version, *names}]


def _length(tables: Iterable[pa.Table]) -> int:
    return sum(int(rows.num_rows) for rows in tables)


def _rows_before(rows: pa.Table, time: int) -> int:
    times = rows.column("timestamp")
    before: int = bisect_left(range(len(times)), time, key=lambda index: times[index].value)
    return before


def _joined(table: Table, parts: Sequence[pa.Table]) -> pa.Table:
    parts = [part for part in parts if part.num_rows]
    # A file is arranged already.
    return parts[0] if len(parts) == 1 else arrange(table, pa.concat_tables(parts))
