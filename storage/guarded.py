"""A store behind a circuit breaker: while it is known to be down, calls fail at once instead of waiting for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from storage.adapters.base import BaseAdapter, Capability, Change, Document, Query, Rows
from storage.circuit_breaker import CircuitBreaker
from storage.observer import AdapterMetrics
from storage.outcomes import Result
from storage.records import Record
from storage.tables import Table


class GuardedAdapter(BaseAdapter):
    """An adapter that raises CircuitBreakerOpen where the breaker does not let it be asked.

    A stream passes the breaker with its first document. `connect`, `disconnect`, `ping` and `metrics`
    always ask: whoever watches has to know. Letters and conflicts go to the adapter directly.
    """

    def __init__(self, adapter: BaseAdapter, breaker: CircuitBreaker) -> None:
        self._adapter = adapter
        self._call = breaker.call
        self.dead_letters = adapter.dead_letters
        self.conflicts = adapter.conflicts

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]  # those of the adapter behind it
        """What the adapter behind it can do."""
        return self._adapter.capabilities

    @property
    def risks(self) -> Sequence[str]:  # type: ignore[override]  # those of the adapter behind it
        """What the adapter behind it knows."""
        return self._adapter.risks

    async def connect(self) -> None:
        await self._adapter.connect()

    async def disconnect(self) -> None:
        await self._adapter.disconnect()

    async def ping(self) -> None:
        await self._adapter.ping()

    async def metrics(self) -> AdapterMetrics:
        return await self._adapter.metrics()

    async def _put(self, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        return await self._call(lambda: self._adapter.put(table, collection, records))

    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        return Rows(self._stream(self._adapter.query_range(collection, start, end, symbol)))

    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        return await self._call(lambda: self._adapter.query_latest(collection, symbol, limit))

    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        return await self._call(lambda: self._adapter.get_record_count(collection, start, end, symbol))

    async def ensure_indexes(self, collection: str) -> None:
        await self._call(lambda: self._adapter.ensure_indexes(collection))

    async def retain(self, collection: str) -> None:
        await self._call(lambda: self._adapter.retain(collection))

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        return await self._call(lambda: self._adapter.delete_range(collection, start, end, symbol))

    async def list_collections(self) -> list[str]:
        return await self._call(self._adapter.list_collections)

    def find(
        self,
        collection: str,
        filter: Query | None = None,
        *,
        projection: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> Rows:
        found = self._adapter.find(collection, filter, projection=projection, sort=sort, limit=limit)
        return Rows(self._stream(found))

    def aggregate(self, collection: str, pipeline: Sequence[Query]) -> Rows:
        return Rows(self._stream(self._adapter.aggregate(collection, pipeline)))

    async def update(self, collection: str, filter: Query, changes: Mapping[str, Any]) -> int:
        return await self._call(lambda: self._adapter.update(collection, filter, changes))

    async def delete(self, collection: str, filter: Query) -> int:
        return await self._call(lambda: self._adapter.delete(collection, filter))

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        return await self._call(lambda: self._adapter.replace(collection, documents, dry_run=dry_run))

    async def _stream(self, rows: Rows) -> AsyncIterator[Document]:
        documents = aiter(rows)
        first = await self._call(lambda: anext(documents, None))
        if first is not None:
            yield first
            async for document in documents:
                yield document
