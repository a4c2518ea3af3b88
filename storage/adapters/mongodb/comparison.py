"""What stands under a key that was taken, and what that makes of the record that came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bson
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS

from storage.adapters.base import Document
from storage.adapters.mongodb.connection import opened
from storage.adapters.mongodb.documents import CODEC, to_document
from storage.adapters.mongodb.entries import Entry, Fates, Target
from storage.outcomes import DUPLICATE, STALE, Result, conflict, retry
from storage.packed import plain
from storage.records import Record
from storage.tables import Table


async def compare(target: Target, entries: Sequence[Entry]) -> Fates:
    """The fates of records whose key was taken: one read, of what a majority has."""
    fates: Fates = {}
    stored: dict[str, Document] = {}
    same = {entry.document: entry.place for entry in entries}
    keys = [entry.key(target.table) for entry in entries]
    async for found in await _find(target, keys):
        if found.raw in same:  # a redelivery: not worth decoding
            fates[same[found.raw]] = DUPLICATE
        else:
            document = to_document(target.table, bson.decode(found.raw, codec_options=CODEC))
            stored[document["_id"]] = document
    others = [(entry, key) for entry, key in zip(entries, keys, strict=True) if entry.place not in fates]
    return fates | {entry.place: judge(target.table, plain(entry.item), stored.get(key)) for entry, key in others}


def judge(table: Table, record: Record, stored: Document | None) -> Result:
    """The fate of a record, given the document of its key that a majority has."""
    if stored is None:
        return retry("the key is taken by a document that no majority has yet")
    if table.same_content(record, stored):
        return DUPLICATE
    there, incoming = table.version_of(table.to_record(stored)), table.version_of(record)
    if there == incoming:
        return conflict(stored)
    return STALE if there > incoming else retry("no majority has the newer version yet")


async def _find(target: Target, keys: list[str]) -> Any:
    """A cursor over the documents of these keys, as bytes.

    A clustered collection answers `$in` by a full scan (6.0), but looks up one key at a time.
    """
    collection = target.collection.with_options(codec_options=DEFAULT_RAW_BSON_OPTIONS)
    if not target.is_clustered:
        return collection.find({"_id": {"$in": keys}})
    stages: list[dict[str, Any]] = [
        {"$documents": [{"_id": key} for key in keys]},
        {"$lookup": {"from": collection.name, "localField": "_id", "foreignField": "_id", "as": "found"}},
        {"$unwind": "$found"},
        {"$replaceWith": "$found"},
    ]
    database = collection.database.with_options(codec_options=DEFAULT_RAW_BSON_OPTIONS)
    return await opened(database.aggregate(stages))
