"""Records on their way to the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection

from storage.adapters.mongodb.documents import ENCODERS, MAX_DOCUMENT_BYTES
from storage.outcomes import Reason, Result, rejected
from storage.packed import Item, Packed, columns_of
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
    item: Item
    document: bytes

    def key(self, table: Table) -> str:
        """The `_id` of its document."""
        return self.item.key if isinstance(self.item, Packed) else table.key(self.item)


class Entries(NamedTuple):
    """Records that can be sent, as columns: most are stored, and nobody asks for a single one."""

    places: Sequence[int]
    items: Sequence[Item]
    documents: Sequence[bytes]

    def entry(self, index: int) -> Entry:
        """One of them."""
        return Entry(self.places[index], self.items[index], self.documents[index])

    def part(self, start: int, end: int) -> Entries:
        """Some that follow each other."""
        return Entries(self.places[start:end], self.items[start:end], self.documents[start:end])

    @property
    def each(self) -> list[Entry]:
        """All of them."""
        return list(map(Entry, *self))


def encode(table: Table, items: Sequence[Item], fates: Fates) -> Entries:
    """The records that can be sent; the others have their fate at once."""
    columns = columns_of(items)
    if columns is not None and max(map(len, columns.bodies), default=0) <= MAX_DOCUMENT_BYTES:
        return Entries(range(len(items)), items, columns.bodies)
    found = [_encoded(table, item) for item in items]
    fates |= {place: each for place, each in enumerate(found) if isinstance(each, Result)}
    sent = [(place, items[place], each) for place, each in enumerate(found) if isinstance(each, bytes)]
    return Entries(*map(list, zip(*sent, strict=True))) if sent else Entries((), (), ())


def _encoded(table: Table, item: Item) -> bytes | Result:
    try:
        data: bytes = item.body if isinstance(item, Packed) else ENCODERS[table.name](item)[1]
    except (ValueError, TypeError, OverflowError) as error:
        return rejected(Reason.NOT_STORABLE, str(error))
    if len(data) > MAX_DOCUMENT_BYTES:
        return rejected(Reason.DOCUMENT_TOO_LARGE, f"{len(data)} bytes are more than 16 MiB")
    return data
