"""Which lane a record belongs to: the collection of its kind and symbol."""

from __future__ import annotations

from consumer.pipeline.entries import Lane
from storage import TABLE_OF, Record


class Router:
    """Remembers the lane of each kind, symbol and timeframe, so that a name is checked and built once."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[type[Record], str, str | None], Lane] = {}

    def lane(self, record: Record) -> Lane:
        """The lane of a record; raises ValueError for a symbol that must not become a name."""
        key = (type(record), record.symbol, getattr(record, "timeframe", None))
        lane = self._lanes.get(key)
        if lane is None:
            table = TABLE_OF[type(record)]
            lane = self._lanes[key] = Lane(table, table.collection(record))
        return lane
