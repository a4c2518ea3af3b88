"""Which lane a record belongs to: the collection of its kind and symbol."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.messages import Message
from consumer.pipeline.entries import DEAD_LETTERS, Lane
from consumer.pipeline.tally import NO_DATASET, Counts, Tally
from storage import TABLE_OF, TABLES, Table
from storage.packed import Item, Packed

Key = tuple[str, str, str | None, str]
"""Table, symbol, timeframe and partition."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a record goes, and where it is counted. One object for each."""

    lane: Lane
    counts: Counts


class Router:
    """Remembers the place of each table, symbol, timeframe and partition, so that a name is checked and built once."""

    def __init__(self, tally: Tally) -> None:
        self.places: dict[Key, Place] = {}
        self._tally = tally
        self._lanes: dict[str, Lane] = {}

    def place(self, item: Item, message: Message) -> Place:
        """The place of a record of a message; raises ValueError for a symbol that must not become a name."""
        table = TABLES[item.table] if isinstance(item, Packed) else TABLE_OF[type(item)]
        key = (table.name, item.symbol, getattr(item, "timeframe", None), message.partition)
        return self.places.get(key) or self._new_place(key, table, message)

    def nowhere(self, message: Message) -> Place:
        """The place of what is no record of any dataset."""
        key: Key = (NO_DATASET, "", None, message.partition)
        place = self.places.get(key)
        if place is None:
            counts = self._tally.of(NO_DATASET, NO_DATASET, message.source, message.partition)
            place = self.places[key] = Place(DEAD_LETTERS, counts)
        return place

    def _new_place(self, key: Key, table: Table, message: Message) -> Place:
        _, symbol, timeframe, _ = key
        lane = self._lane(table, table.collection_of(symbol, timeframe))
        counts = self._tally.of(lane.collection, lane.kind, message.source, message.partition)
        place = self.places[key] = Place(lane, counts)
        return place

    def _lane(self, table: Table, collection: str) -> Lane:
        return self._lanes.setdefault(collection, Lane(table, collection))
