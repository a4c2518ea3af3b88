"""Which lane a record belongs to: the collection of its kind and symbol."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.messages import Message
from consumer.pipeline.entries import DEAD_LETTERS, Lane
from consumer.pipeline.tally import NO_DATASET, Counts, Tally
from consumer.runs import Channel
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
        self._places: dict[Key, Place] = {}
        self._tally = tally
        self._lanes: dict[str, Lane] = {}

    def place(self, item: Item, message: Message) -> Place:
        """The place of a record of a message; raises ValueError for a symbol that must not become a name."""
        table = item.table if isinstance(item, Packed) else TABLE_OF[type(item)].name
        key = (table, item.symbol, getattr(item, "timeframe", None), message.partition)
        return self._places.get(key) or self._new_place(key, message.source)

    def place_of(self, table: str, symbol: str, channel: Channel) -> Place:
        """The place of such records of a channel, whose symbol was found to be one."""
        key: Key = (table, symbol, None, channel.partition)
        return self._places.get(key) or self._new_place(key, channel.source)

    def nowhere(self, message: Message) -> Place:
        """The place of what is no record of any dataset."""
        key: Key = (NO_DATASET, "", None, message.partition)
        place = self._places.get(key)
        if place is None:
            counts = self._tally.of(NO_DATASET, NO_DATASET, message.source, message.partition)
            place = self._places[key] = Place(DEAD_LETTERS, counts)
        return place

    def _new_place(self, key: Key, source: str) -> Place:
        name, symbol, timeframe, partition = key
        table = TABLES[name]
        lane = self._lane(table, table.collection_of(symbol, timeframe))
        counts = self._tally.of(lane.collection, lane.kind, source, partition)
        place = self._places[key] = Place(lane, counts)
        return place

    def _lane(self, table: Table, collection: str) -> Lane:
        return self._lanes.setdefault(collection, Lane(table, collection))
