"""Changes of the local store: batches in, ranges out, files merged; one at a time in each collection.

records ─► rows ─► those whose key is new, or newer ─► a file ─► the manifest lists it
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.local.compaction import Compaction, Sizes, overlapping, parts, runs
from storage.adapters.local.edits import Edit
from storage.adapters.local.files import Files
from storage.adapters.local.manifest import File, Manifest
from storage.adapters.local.parquet import NotEncodable, arrange, encode, is_between, position_of, range_of, refusals
from storage.adapters.local.reader import Reader, Span
from storage.adapters.local.verdicts import Verdicts
from storage.outcomes import STORED, Reason, Result, rejected
from storage.packed import Item
from storage.tables import Table


class Writer:
    """The only one that changes files and manifest; `lock` holds other processes off."""

    def __init__(self, files: Files, manifest: Manifest, reader: Reader, *, max_collections: int, sizes: Sizes) -> None:
        self._files = files
        self._manifest = manifest
        self._reader = reader
        self._verdicts = Verdicts(files, manifest)
        self._max_collections = max_collections
        self._sizes = sizes
        self._names: set[str] = set()
        self._naming = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def open(self) -> None:
        """Learn the collections and sweep what a crash left behind."""
        self._names = set(self._manifest.collections())
        for name in self._files.collections():
            self._files.sweep(name, self._manifest.names(name))

    def put(self, table: Table, collection: str, records: Sequence[Item]) -> list[Result]:
        """Write records of one collection; the promise is that of `Sink.put`."""
        if refused := self._refuse(table, collection):
            return [refused] * len(records)
        rows, good, bad = _encoded(table, records)
        with self._turn(collection):
            verdicts = self._verdicts.of(table, collection, good, rows)
            if verdicts.count(STORED) < len(verdicts):
                new = [index for index, result in enumerate(verdicts) if result == STORED]
                rows = rows.take(pa.array(new, pa.int64()))
            if rows.num_rows:
                self._store(table, collection, rows)
        if not bad:
            return verdicts
        of_the_good = iter(verdicts)
        return [bad[index] if index in bad else next(of_the_good) for index in range(len(records))]

    def delete(self, collection: str, span: Span) -> int:
        """Remove the rows of the span, all at once; returns how many there were."""
        with self._turn(collection):
            count = self._reader.count(collection, span)
            if count:
                files = self._manifest.files(collection, span.first, span.last)
                rests = (self._rest(file, span) for file in files if not span.covers(file))
                self._replace(collection, files, rests)
        return count

    def edit(self, collection: str, span: Span, edit: Edit) -> int:
        """Change rows of the span, all at once; returns how many changed. Files without such rows stay."""
        with self._turn(collection):
            touched: list[File] = []
            changed = 0
            for group in overlapping(self._manifest.files(collection, span.first, span.last)):
                if count := sum(edit(rows)[1] for _, rows in self._reader.sweep(group)):
                    touched += group
                    changed += count
            if touched:
                after = (edit(rows)[0] for _, rows in self._reader.sweep(touched))
                self._replace(collection, touched, parts(after, self._sizes.target_bytes))
        return changed

    def compact(self, collection: str) -> Compaction:
        """Merge what is worth merging, run by run; what was merged stays so when a later run fails."""
        done = Compaction()
        for run in runs(self._manifest.files(collection), self._sizes):
            with self._turn(collection):
                # A batch may have absorbed small files of this run meanwhile; the next compaction sees them.
                if all(map(self._manifest.lists, run)):
                    merged = parts((rows for _, rows in self._reader.sweep(run)), self._sizes.target_bytes)
                    done += _compared(run, self._replace(collection, run, merged))
        return done

    def _turn(self, collection: str) -> threading.Lock:
        return self._turns.setdefault(collection, threading.Lock())

    def _refuse(self, table: Table, collection: str) -> Result | None:
        """Why nothing of this table can enter the collection."""
        with self._naming:
            if collection not in self._names and len(self._names) >= self._max_collections:
                return rejected(Reason.SYMBOL_LIMIT, f"{self._max_collections} collections are there")
            self._names.add(collection)
        return None

    def _store(self, table: Table, collection: str, rows: pa.Table) -> None:
        absorbed = self._absorbed(table, collection, rows)
        gathered = pa.concat_tables([*map(self._files.read, absorbed), rows])
        self._replace(collection, absorbed, [arrange(table, gathered)])

    def _absorbed(self, table: Table, collection: str, rows: pa.Table) -> list[File]:
        """Files that are written again with a batch, so that they neither pile up nor hold one key many times."""
        small = self._manifest.small(collection, self._sizes.small_bytes)
        if len(small) >= self._sizes.small_files:
            return small
        if not table.version:
            return []
        touching = self._manifest.touching(collection, *range_of(rows, position_of(table)))
        return [file for file in touching if file.size < self._sizes.absorbed_bytes]

    def _rest(self, file: File, span: Span) -> pa.Table:
        """The rows of a file that are not in the span."""
        rows = self._files.read(file)
        inside = is_between(rows, "timestamp", span.first, span.last)
        if span.symbol is not None:
            inside = pc.and_(inside, pc.equal(rows.column("symbol"), span.symbol))
        return rows.filter(pc.invert(inside))

    def _replace(self, collection: str, removed: Sequence[File], tables: Iterable[pa.Table]) -> Sequence[File]:
        """Let new files take the place of others, all or nothing."""
        added: list[File] = []
        with ExitStack() as undo:
            undo.callback(self._files.remove, added)
            added.extend(self._files.write(collection, rows) for rows in tables if rows.num_rows)
            try:
                self._manifest.commit(added, removed)
            except sqlite3.Error as error:
                if not _left_no_trace(error):
                    undo.pop_all()
                raise
            undo.pop_all()
        self._files.remove(removed)
        return added


def _encoded(table: Table, records: Sequence[Item]) -> tuple[pa.Table, Sequence[Item], dict[int, Result]]:
    """The rows, the records that they are, and the result of each that cannot be a row, by its index."""
    try:
        return encode(table, records), records, {}
    except NotEncodable:
        bad = {index: rejected(Reason.NOT_STORABLE, why) for index, why in refusals(table, records)}
        good = [record for index, record in enumerate(records) if index not in bad]
        return encode(table, good), good, bad


def _left_no_trace(error: sqlite3.Error) -> bool:
    """Whether the commit certainly did not happen; after an I/O error it may come back with the next start."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)


def _compared(before: Sequence[File], after: Sequence[File]) -> Compaction:
    rows = sum(file.rows for file in after)
    return Compaction(len(before), len(after), rows, sum(file.rows for file in before) - rows)
