"""Records of one collection to the server, and what became of each.

What the server does not complain about is stored. For the rest it only says that the key is taken, or
how many documents it changed: then one read, of what a majority has, tells the fate of each record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.results import BulkWriteResult

from storage.adapters.base import Document
from storage.adapters.mongodb.connection import opened
from storage.adapters.mongodb.documents import ENCODERS, MAX_DOCUMENT_BYTES, to_document
from storage.adapters.mongodb.errors import REFUSED_COMMANDS, fate_of, is_taken_id, refusal
from storage.outcomes import DUPLICATE, STALE, STORED, Reason, Result, conflict, rejected, retry
from storage.records import Record
from storage.tables import Table

Fates = dict[int, Result]
"""By the place of the record among those that were given."""


class Target(NamedTuple):
    """Where records go."""

    table: Table
    collection: AsyncCollection[dict[str, Any]]
    is_clustered: bool


class Entry(NamedTuple):
    """One record that can be sent."""

    place: int
    record: Record
    key: str
    document: RawBSONDocument


async def write(target: Target, records: Sequence[Record]) -> list[Result]:
    """Write records of one collection and say what became of each; errors of the driver escape."""
    fates: Fates = {}
    entries = list(_encode(target.table, records, fates))
    if entries:
        fates |= await _send(target, entries)
    return [fates[index] for index in range(len(records))]


def _encode(table: Table, records: Sequence[Record], fates: Fates) -> Iterator[Entry]:
    """The records that can be sent; the others have their fate at once."""
    encode = ENCODERS[table.name]
    for index, record in enumerate(records):
        try:
            key, data = encode(record)
        except (ValueError, TypeError, OverflowError) as error:
            fates[index] = rejected(Reason.NOT_STORABLE, str(error))
            continue
        if len(data) > MAX_DOCUMENT_BYTES:
            fates[index] = rejected(Reason.DOCUMENT_TOO_LARGE, f"{len(data)} bytes are more than 16 MiB")
            continue
        yield Entry(index, record, key, RawBSONDocument(data))


async def _send(target: Target, entries: Sequence[Entry]) -> Fates:
    """Write all entries; a command that the server refuses as a whole is halved until the culprit is alone."""
    try:
        return await (_upsert(target, entries) if target.table.version else _insert(target, entries))
    except OperationFailure as error:
        if error.code not in REFUSED_COMMANDS:
            raise
        if len(entries) == 1:
            return {entries[0].place: refusal(error)}
    half = len(entries) // 2
    return await _send(target, entries[:half]) | await _send(target, entries[half:])


async def _insert(target: Target, entries: Sequence[Entry]) -> Fates:
    inserts = [InsertOne(entry.document) for entry in entries]
    report = await _report(target.collection.bulk_write(inserts, ordered=False))
    fates = {entry.place: STORED for entry in entries}
    taken = []
    for complaint in report["writeErrors"]:
        entry = entries[complaint["index"]]
        if is_taken_id(complaint):
            taken.append(entry)
        else:
            fates[entry.place] = fate_of(complaint)
    return fates | await _compare(target, taken)


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
    return fates | _replaced_first(await _compare(target, known), report["nModified"])


def _newest_wins(table: Table, entry: Entry) -> UpdateOne:
    """Replace the document when its version is smaller; an array of absent fields is one of nulls, the smallest.

    A filter on the version instead would lose data: of two upserts that race, the newer may get E11000.
    """
    stored, incoming = [f"${name}" for name in table.version], [f"$$incoming.{name}" for name in table.version]
    newest = {"$cond": [{"$lt": [stored, incoming]}, "$$incoming", "$$ROOT"]}
    replace = {"$replaceWith": {"$let": {"vars": {"incoming": {"$literal": entry.document}}, "in": newest}}}
    return UpdateOne({"_id": entry.key}, [replace], upsert=True)


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


async def _compare(target: Target, entries: Sequence[Entry]) -> Fates:
    """The fates of records whose key was taken, from what stands under it."""
    stored = await _read(target, [entry.key for entry in entries]) if entries else {}
    return {entry.place: _judge(target.table, entry.record, stored.get(entry.key)) for entry in entries}


def _judge(table: Table, record: Record, stored: Document | None) -> Result:
    if stored is None:
        return retry("the key is taken by a document that no majority has yet")
    if table.same_content(record, stored):
        return DUPLICATE
    there, incoming = table.version_of(table.to_record(stored)), table.version_of(record)
    if there == incoming:
        return conflict(stored)
    return STALE if there > incoming else retry("no majority has the newer version yet")


async def _read(target: Target, keys: list[str]) -> dict[str, Document]:
    one_by_one = target.is_clustered
    cursor = await _lookup(target, keys) if one_by_one else target.collection.find({"_id": {"$in": keys}})
    return {found["_id"]: to_document(target.table, found) async for found in cursor}


async def _lookup(target: Target, keys: list[str]) -> Any:
    """A clustered collection answers `$in` by a full scan (6.0), but finds one key at a time at once."""
    lookup = {"from": target.collection.name, "localField": "_id", "foreignField": "_id", "as": "found"}
    stages: list[dict[str, Any]] = [
        {"$documents": [{"_id": key} for key in keys]},
        {"$lookup": lookup},
        {"$unwind": "$found"},
        {"$replaceWith": "$found"},
    ]
    return await opened(target.collection.database.aggregate(stages))
