"""What becomes of each record of a batch, seen against the files that may hold its key.

There is no list of recent keys: the key decides a position (`parquet.position_of`), the manifest knows the
positions of each file, and new data mostly lies behind all of them. So the answer is exact at any age, and a
look into old files is paid only by what comes again or late.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.base import Document
from storage.adapters.local.files import Files
from storage.adapters.local.manifest import Manifest
from storage.adapters.local.parquet import arrange, documents, position_of, range_of
from storage.outcomes import DUPLICATE, STALE, STORED, Result, conflict
from storage.packed import Item, plain
from storage.records import Record
from storage.tables import Table


class Verdicts:
    """Compares batches with what is stored; the caller sees to it that nobody writes the collection meanwhile."""

    def __init__(self, files: Files, manifest: Manifest) -> None:
        self._files = files
        self._manifest = manifest

    def of(self, table: Table, collection: str, items: Sequence[Item], rows: pa.Table) -> list[Result]:
        """The outcome of each record, `rows` being the same records; STORED says that it has to be."""
        stored = self._stored(table, collection, rows) if items else None
        if stored is None:
            return [STORED] * len(items)
        places = pc.index_in(rows.column("_id"), value_set=stored.column("_id").combine_chunks())
        if rows.filter(pc.is_valid(places)).equals(stored.take(pc.drop_null(places))):
            return [STORED if place is None else DUPLICATE for place in places.to_pylist()]
        there = documents(stored)
        return [
            STORED if place is None else verdict(table, plain(item), there[place])
            for item, place in zip(items, places.to_pylist(), strict=True)
        ]

    def _stored(self, table: Table, collection: str, rows: pa.Table) -> pa.Table | None:
        """The rows that are stored under the same keys, the newest of each."""
        keys = rows.column("_id").combine_chunks()
        position = position_of(table)
        within = (position, *range_of(rows, position))
        found: list[pa.Table] = []
        for file in self._manifest.touching(collection, *within[1:]):
            if pc.any(pc.is_in(self._files.read(file, ["_id"], within).column("_id"), keys)).as_py():
                there = self._files.read(file, None, within)
                found.append(there.filter(pc.is_in(there.column("_id"), keys)))
        return arrange(table, pa.concat_tables(found)) if found else None


def verdict(table: Table, record: Record, stored: Document) -> Result:
    """What becomes of a record whose key holds `stored`; STORED means that it is newer."""
    if table.same_content(record, stored):
        return DUPLICATE
    incoming, there = table.version_of(record), table.version_of(table.to_record(stored))
    if incoming == there:
        return conflict(stored)
    return STORED if incoming > there else STALE
