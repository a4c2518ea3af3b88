"""Order books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import cast

from storage.books import Book, BookBuilder, BookUnknown
from storage.errors import RejectedError
from storage.records import Depth
from storage.repositories.base import Repository
from storage.tables import DEPTH

CLOCKS_APART = timedelta(minutes=1)
"""Some snapshots carry the time of the bus: changes that follow one may bear an earlier time."""

_MILLISECOND = timedelta(milliseconds=1)


class DepthRepository(Repository[Depth]):
    """Changes and snapshots of the order book by symbol."""

    table = DEPTH

    async def book_at(self, symbol: str, time: datetime) -> Book:
        """The order book as it stood at a time: the newest snapshot until then, and all changes after it.

        Raises BookUnknown when there is no snapshot, or when a change is missing in between: a book that
        may be wrong is never given. UnsupportedQuery where the store cannot `find`.
        """
        until = _stored_time(time)
        snapshot = await self._newest_snapshot(symbol, until)
        builder = BookBuilder(snapshot)
        async for diff in self._diffs(symbol, snapshot.timestamp - CLOCKS_APART, until + _MILLISECOND):
            builder.apply(diff)
        return builder.book()

    async def _newest_snapshot(self, symbol: str, until: datetime) -> Depth:
        question = {"kind": "snapshot", "timestamp": {"$lte": until}}
        newest_first = [("timestamp", -1), ("last_update_id", -1)]
        for document in await self._adapter.find(self._collection(symbol, None), question, sort=newest_first, limit=1):
            return cast(Depth, self.table.to_record(document))
        raise BookUnknown(f"there is no snapshot of the order book of {symbol} until {until.isoformat()}")

    async def _diffs(self, symbol: str, start: datetime, end: datetime) -> AsyncIterator[Depth]:
        """The changes of a range in the order of their ids, also among those of one millisecond."""
        together: list[Depth] = []
        async for depth in self.get_range(symbol, start, end):
            if together and together[0].timestamp != depth.timestamp:
                for diff in _in_order(together):
                    yield diff
                together.clear()
            together.append(depth)
        for diff in _in_order(together):
            yield diff


def _in_order(together: list[Depth]) -> list[Depth]:
    diffs = [depth for depth in together if depth.kind == "diff"]
    return sorted(diffs, key=lambda diff: diff.last_update_id)


def _stored_time(time: datetime) -> datetime:
    """The last whole millisecond until then, for no record is between two of them."""
    if time.utcoffset() is None:
        raise RejectedError(f"{time.isoformat()} is naive: say which time zone it is in")
    return time - timedelta(microseconds=time.microsecond % 1000)
