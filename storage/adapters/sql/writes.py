"""Records of one collection to the database, and what became of each.

A batch is one transaction. It inserts what is new and must see each of those rows inserted: when another
writer was faster with one, all is rolled back and begun again, now looking first at what stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.adapters.base import Document
from storage.adapters.sql.database import MarketDatabase
from storage.adapters.sql.entries import Entry, Fates, encode
from storage.adapters.sql.slices import Slice, document_of
from storage.errors import ConflictError, RejectedError
from storage.outcomes import DUPLICATE, STALE, STORED, Reason, Result, conflict, rejected
from storage.records import Record
from storage.sql.statements import insert_new, overwrite
from storage.tables import Table

BATCH = 1000
_ROUNDS = 5

Standing = Mapping[str, Document]
"""What is in the database, by key."""


class _OvertakenError(Exception):
    """Another writer has made a key since we looked."""


async def write(database: MarketDatabase, slice: Slice, records: Sequence[Record]) -> list[Result]:
    """Write records of one collection and say what became of each."""
    fates: Fates = {}
    entries = list(encode(slice, records, fates))
    for start in range(0, len(entries), BATCH):
        fates |= await _send(database, slice, entries[start : start + BATCH])
    return [fates[place] for place in range(len(records))]


async def _send(database: MarketDatabase, slice: Slice, entries: Sequence[Entry]) -> Fates:
    """Write all entries; a batch that the database refuses is halved until the culprit is alone."""
    try:
        return await _write(database, slice, entries)
    except (RejectedError, ConflictError) as error:
        if len(entries) == 1:
            reason = Reason.UNIQUE_INDEX if isinstance(error, ConflictError) else Reason.SCHEMA
            return {entries[0].place: rejected(reason, str(error))}
    half = len(entries) // 2
    return await _send(database, slice, entries[:half]) | await _send(database, slice, entries[half:])


async def _write(database: MarketDatabase, slice: Slice, entries: Sequence[Entry]) -> Fates:
    # A record without versions is new, or nearly always; an interval has many versions.
    look_first = bool(slice.table.version)
    for _ in range(_ROUNDS):
        try:
            async with database.write() as connection:
                standing = await _standing(connection, slice, entries) if look_first else {}
                return await _put(connection, slice, entries, standing)
        except _OvertakenError:
            look_first = True
    # INSERT IGNORE also leaves out, and does not say so, what a rule of the table refuses.
    raise RejectedError("the table takes no such row: a rule or another unique index of it refuses it")


async def _put(connection: AsyncConnection, slice: Slice, entries: Sequence[Entry], standing: Standing) -> Fates:
    new = [entry for entry in entries if entry.key not in standing]
    if await insert_new(connection, slice.rows, [entry.row for entry in new]) < len(new):
        raise _OvertakenError
    fates = {entry.place: _judge(slice.table, entry.record, standing.get(entry.key)) for entry in entries}
    newer = [entry for entry in entries if entry.key in standing and fates[entry.place] is STORED]
    await overwrite(connection, slice.rows, [entry.row for entry in newer])
    return fates


async def _standing(connection: AsyncConnection, slice: Slice, entries: Sequence[Entry]) -> Standing:
    """What stands under the keys; of versioned kinds nobody else changes it until we are done."""
    found = sa.select(*slice.columns).where(slice.keyed([entry.key for entry in entries]))
    if slice.table.version:
        # Whatever MySQL reads while it looks for a row stays locked: it must look by the key.
        found = found.order_by(*slice.rows.primary_key).with_for_update()
        found = found.with_hint(slice.rows, "FORCE INDEX (PRIMARY)", "mysql")
    rows = await connection.execute(found)
    return {row[0]: document_of(slice.names, row) for row in rows}


def _judge(table: Table, record: Record, stored: Document | None) -> Result:
    if stored is None:
        return STORED
    if table.same_content(record, stored):
        return DUPLICATE
    there, incoming = table.version_of(table.to_record(stored)), table.version_of(record)
    if there == incoming:
        return conflict(stored)
    return STALE if there > incoming else STORED
