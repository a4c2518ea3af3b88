"""Records of one collection to the server, and what became of each.

What the server does not complain about is stored. For the rest it only says that the key is taken, or
how many documents it changed: then one read, of what a majority has, tells the fate of each record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.results import BulkWriteResult

from storage.adapters.mongodb.comparison import compare
from storage.adapters.mongodb.entries import Entries, Entry, Fates, Target, encode
from storage.adapters.mongodb.errors import REFUSED_COMMANDS, fate_of, is_taken_id, refusal
from storage.adapters.mongodb.inserts import insert
from storage.outcomes import DUPLICATE, STORED, Result, retry
from storage.packed import Item
from storage.tables import Table


async def write(target: Target, items: Sequence[Item]) -> list[Result]:
    """Write records of one collection and say what became of each; errors of the driver escape."""
    fates: Fates = {}
    entries = encode(target.table, items, fates)
    if entries.places:
        fates |= await _send(target, entries)
    return [fates.get(place, STORED) for place in range(len(items))] if fates else [STORED] * len(items)


async def _send(target: Target, entries: Entries) -> Fates:
    """Write all entries; the fates of those that are not simply stored.

    A command that the server refuses as a whole is halved until the culprit is alone.
    """
    try:
        return await (_upsert(target, entries.each) if target.table.version else _insert(target, entries))
    except OperationFailure as error:
        if error.code not in REFUSED_COMMANDS:
            raise
        count = len(entries.places)
        if count == 1:
            return {entries.places[0]: refusal(error)}
    half = count // 2
    return await _send(target, entries.part(0, half)) | await _send(target, entries.part(half, count))


async def _insert(target: Target, entries: Entries) -> Fates:
    fates, taken = Fates(), []
    for complaint in await insert(target.collection, entries.documents):
        entry = entries.entry(complaint["index"])
        if is_taken_id(complaint):
            taken.append(entry)
        else:
            fates[entry.place] = fate_of(complaint)
    return fates | await compare(target, taken) if taken else fates


async def _upsert(target: Target, entries: Sequence[Entry]) -> Fates:
    newest_wins = [_newest_wins(target.table, entry) for entry in entries]
    report = await _report(target.collection.bulk_write(newest_wins, ordered=False))
    fates: Fates = {}
    for complaint in report["writeErrors"]:
        entry = entries[complaint["index"]]
        fates[entry.place] = retry("two writers made the key at once") if is_taken_id(complaint) else fate_of(complaint)
    for upserted in report["upserted"]:
        fates[entries[upserted["index"]].place] = STORED
    known = [entry for entry in entries if entry.place not in fates]
    if len(known) == report["nModified"]:
        return fates | {entry.place: STORED for entry in known}
    return fates | _replaced_first(await compare(target, known), report["nModified"])


def _newest_wins(table: Table, entry: Entry) -> UpdateOne:
    """Replace the document when its version is smaller; an array of absent fields is one of nulls, the smallest.

    A filter on the version instead would lose data: of two upserts that race, the newer may get E11000.
    """
    stored, incoming = [f"${name}" for name in table.version], [f"$$incoming.{name}" for name in table.version]
    newest = {"$cond": [{"$lt": [stored, incoming]}, "$$incoming", "$$ROOT"]}
    replace = {
        "$replaceWith": {"$let": {"vars": {"incoming": {"$literal": RawBSONDocument(entry.document)}}, "in": newest}}
    }
    return UpdateOne({"_id": entry.key(table)}, [replace], upsert=True)


def _replaced_first(fates: Fates, replaced: int) -> Fates:
    """Of the records that stand in the store now, as many were stored as the server replaced documents."""
    standing = [place for place, fate in fates.items() if fate is DUPLICATE]
    return fates | dict.fromkeys(standing[:replaced], STORED)


async def _report(write: Awaitable[BulkWriteResult]) -> Mapping[str, Any]:
    """What the server said of a bulk write. Complaints about the write concern escape: nothing is durable."""
    try:
        return (await write).bulk_api_result
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:
            raise
        return error.details
