"""What is too old leaves the store, a bounded piece at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from storage.adapters.base import BaseAdapter
from storage.tables import table_of_collection

MAX_SECONDS = 60.0
PIECE = timedelta(hours=1)
"""How much time one deletion covers."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)


async def expire(
    adapter: BaseAdapter,
    retention: Mapping[str, timedelta],
    now: datetime,
    *,
    max_seconds: float = MAX_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Mapping[str, int]:
    """Delete documents that are older than their kind is kept, oldest first; returns how many of each kind.

    A store that does so by itself is told to, for each collection, and then has little left. After
    `max_seconds` the rest waits for the next call. Raises what the adapter raises.
    """
    deadline = clock() + max_seconds
    deleted: dict[str, int] = {}
    for collection in await adapter.list_collections():
        await adapter.retain(collection)
        kind = table_of_collection(collection).name
        if kind in retention:
            pieces = _Pieces(adapter, collection, now - retention[kind])
            deleted[kind] = deleted.get(kind, 0) + await pieces.delete(lambda: clock() < deadline)
    return {kind: count for kind, count in deleted.items() if count}


class _Pieces:
    """The documents of a collection before a time, deleted piece by piece."""

    def __init__(self, adapter: BaseAdapter, collection: str, end: datetime) -> None:
        self._adapter = adapter
        self._collection = collection
        self._end = end

    async def delete(self, may_go_on: Callable[[], bool]) -> int:
        count = 0
        while may_go_on() and (oldest := await self._oldest()) is not None:
            end = min(oldest + PIECE, self._end)
            count += await self._adapter.delete_range(self._collection, oldest, end)
        return count

    async def _oldest(self) -> datetime | None:
        rows = aiter(self._adapter.query_range(self._collection, _BEGINNING, self._end))
        try:
            oldest: datetime | None = (await anext(rows))["timestamp"]
        except StopAsyncIteration:
            return None
        return oldest
