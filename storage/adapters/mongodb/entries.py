"""Records on their way to the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection

from storage.adapters.mongodb.documents import ENCODERS, MAX_DOCUMENT_BYTES
from storage.outcomes import Reason, Result, rejected
from storage.packed import Item, Packed, plain
from storage.tables import Table

Fates = dict[int, Result]
"""By the place of the record among those that were given."""


class Target(NamedTuple):
    """Where records go."""

    table: Table
    collection: AsyncCollection[dict[str, Any]]
    is_clustered: bool


class Entry(msgspec.Struct, gc=False):
    """One record that can be sent."""

    place: int
    item: Item
    key: str
    document: RawBSONDocument


def encode(table: Table, items: Sequence[Item], fates: Fates) -> list[Entry]:
    """The records that can be sent; the others have their fate at once."""
    to_bson = ENCODERS[table.name]
    entries = []
    for place, item in enumerate(items):
        if isinstance(item, Packed) and len(item.body) <= MAX_DOCUMENT_BYTES:
            entries.append(Entry(place, item, item.key, RawBSONDocument(item.body)))
            continue
        try:
            key, data = to_bson(plain(item))
        except (ValueError, TypeError, OverflowError) as error:
            fates[place] = rejected(Reason.NOT_STORABLE, str(error))
            continue
        if len(data) > MAX_DOCUMENT_BYTES:
            fates[place] = rejected(Reason.DOCUMENT_TOO_LARGE, f"{len(data)} bytes are more than 16 MiB")
            continue
        entries.append(Entry(place, item, key, RawBSONDocument(data)))
    return entries
