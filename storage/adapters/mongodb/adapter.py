"""Documents in MongoDB, one collection for each kind and symbol."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pymongo
from pymongo import ASCENDING, DESCENDING

from storage.adapters.base import BaseAdapter, Capability, Change, Document, Query, Rows
from storage.adapters.mongodb import free
from storage.adapters.mongodb.collections import Collections, Layout, Plan
from storage.adapters.mongodb.connection import Connection, Driver, opened
from storage.adapters.mongodb.documents import to_document
from storage.adapters.mongodb.entries import Target
from storage.adapters.mongodb.errors import translated
from storage.adapters.mongodb.letters import MongoDBConflicts, MongoDBDeadLetters
from storage.adapters.mongodb.options import ClientOptions
from storage.adapters.mongodb.packing import PACKS
from storage.adapters.mongodb.questions import differing, filter_of, reader_of, stages_of, update_of
from storage.adapters.mongodb.recent import Recent
from storage.adapters.mongodb.validators import Validation
from storage.adapters.mongodb.writes import write
from storage.adapters.requests import (
    check_free,
    check_limit,
    check_range,
    question_asked,
    table_asked,
)
from storage.errors import RejectedError, UnavailableError
from storage.observer import AdapterMetrics
from storage.outcomes import DUPLICATE, STORED, Reason, Result, rejected
from storage.packed import Columns, Item, columns_of
from storage.queries import Pipeline, check_documents, parse_changes, parse_filter, parse_find, parse_pipeline
from storage.tables import Table

_PATIENCE_SECONDS = 300
"""For counts, deletions and questions, which may have to look at very many documents."""


class MongoDBAdapter(BaseAdapter):
    """Collections of a MongoDB database; a write is durable once a majority has journaled it.

    `layout` is that of new collections: `indexed` by timestamp, or `clustered` by `_id` as well.
    `max_collections` bounds the collections of market data. `validation` makes the server check each
    document against its kind's schema; a validator that is not ours stays. `retention` says by kind how long
    documents stay: the server itself removes older ones, but for clustered collections. `client` says what
    the connection string leaves open. What a majority has acknowledged is remembered for `remember_seconds`, so
    that the same bytes are not sent again; what others delete meanwhile is not noticed.
    """

    capabilities = frozenset(Capability)
    packs = PACKS

    def __init__(
        self,
        connection_string: str,
        database: str = "tapestore",
        *,
        layout: Layout = "indexed",
        max_collections: int = 5000,
        validation: Validation = "off",
        retention: Mapping[str, timedelta] | None = None,
        driver: Driver = "pymongo",
        client: ClientOptions | None = None,
        remember_seconds: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options = client or ClientOptions()
        self.plan = Plan(layout, max_collections, validation, dict(retention or {}))
        self._connection = Connection(connection_string, database, driver, options, lambda: self.observer)
        self._collections = Collections(self.plan)
        self.index_changes = self._collections.index_changes
        self._recent = Recent(remember_seconds, clock)
        self._limit = max_collections
        self.dead_letters = MongoDBDeadLetters(self._connection)
        self.conflicts = MongoDBConflicts(self._connection)

    @property
    def connection(self) -> Connection:
        """The connection, for the migrations."""
        return self._connection

    async def connect(self) -> None:
        await self.disconnect()
        self._connection.open()
        try:
            with translated():
                await self._collections.load(self._connection.database)
                self.risks = await self._connection.risks()
        except UnavailableError as error:
            refusal = await self._connection.refusal()
            await self.disconnect()
            raise refusal or error from error
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        with translated():
            await self._connection.close()

    async def ping(self) -> None:
        with translated():
            await self._connection.database.command("ping")

    async def metrics(self) -> AdapterMetrics:
        database = self._connection.database
        with translated():
            size, build = await database.command("dbStats"), await database.command("buildInfo")
        return AdapterMetrics(self._connection.pool, int(size["storageSize"] + size["indexSize"]), build["version"])

    async def _put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        database = self._connection.database
        with translated():
            if not await self._collections.prepare(database, collection):
                return [rejected(Reason.SYMBOL_LIMIT, f"{self._limit} collections are there")] * len(records)
            target = Target(table, database[collection], self._collections.is_clustered(collection))
            return await self._write(target, collection, records)

    async def _write(self, target: Target, collection: str, items: Sequence[Item]) -> Sequence[Result]:
        """Send what is not known to stand there already, and remember what a majority has then."""
        packed = columns_of(items)
        if packed is None:
            return await write(target, items)
        epoch, known = self._recent.epoch(collection), self._recent.known(collection, packed)
        sent = packed.pick([place for place in range(len(packed)) if place not in known]) if known else packed
        fates = await write(target, sent) if sent else []
        self._recent.add(collection, _standing(sent, fates), epoch)
        written = iter(fates)
        return [DUPLICATE if place in known else next(written) for place in range(len(items))] if known else fates

    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        table, where = table_asked(collection), _where(start, end, symbol)
        return Rows(self._stream(table, collection, where))

    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        table, where = table_asked(collection), _where(None, None, symbol)
        check_limit(limit)
        with translated():
            newest = self._connection.database[collection].find(where).sort("timestamp", DESCENDING).limit(limit)
            return [to_document(table, found) async for found in newest]

    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        table_asked(collection)
        where = _where(start, end, symbol)
        with translated(), pymongo.timeout(_PATIENCE_SECONDS):
            return await self._connection.database[collection].count_documents(where)

    async def ensure_indexes(self, collection: str) -> None:
        table_asked(collection)
        with translated():
            if not await self._collections.prepare(self._connection.database, collection):
                raise RejectedError(f"{self._limit} collections are there, {collection} would be one more")
            await self._collections.index_symbols(self._connection.database, collection)

    async def retain(self, collection: str) -> None:
        table_asked(collection)
        with translated():
            await self._collections.prepare(self._connection.database, collection)

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        table_asked(collection)
        return await self._delete(collection, _where(start, end, symbol))

    async def list_collections(self) -> list[str]:
        with translated():
            return await self._collections.names(self._connection.database)

    def find(
        self,
        collection: str,
        filter: Query | None = None,
        *,
        projection: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> Rows:
        table = question_asked(collection)
        return Rows(self._answer(table, collection, parse_find(table, filter, projection, sort, limit)))

    def aggregate(self, collection: str, pipeline: Sequence[Query]) -> Rows:
        table = question_asked(collection)
        return Rows(self._answer(table, collection, parse_pipeline(table, pipeline)))

    async def update(self, collection: str, filter: Query, changes: Mapping[str, Any]) -> int:
        table = table_asked(collection)
        asked, new = filter_of(parse_filter(table, filter)), parse_changes(table, changes)
        where = {"$and": [asked, differing(new)]}
        with translated(), self._forgotten(collection), pymongo.timeout(_PATIENCE_SECONDS):
            return (await self._connection.database[collection].update_many(where, update_of(new))).modified_count

    async def delete(self, collection: str, filter: Query) -> int:
        return await self._delete(collection, filter_of(parse_filter(question_asked(collection), filter)))

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        check_free(collection)
        whole = check_documents(documents)
        with translated():
            return await free.replace(self._connection.database, collection, whole, dry_run=dry_run)

    async def _delete(self, collection: str, where: dict[str, Any]) -> int:
        with translated(), self._forgotten(collection), pymongo.timeout(_PATIENCE_SECONDS):
            return (await self._connection.database[collection].delete_many(where)).deleted_count

    @contextmanager
    def _forgotten(self, collection: str) -> Iterator[None]:
        """Remember nothing of a collection that is changed meanwhile."""
        self._recent.forget(collection)
        try:
            yield
        finally:
            self._recent.forget(collection)

    async def _answer(self, table: Table | None, collection: str, pipeline: Pipeline) -> AsyncIterator[Document]:
        stages, read = stages_of(table, pipeline), reader_of(table, pipeline)
        with translated():
            with pymongo.timeout(_PATIENCE_SECONDS):
                cursor = await opened(self._connection.database[collection].aggregate(stages, allowDiskUse=True))
            try:
                async for found in cursor:
                    yield read(found)
            finally:
                await cursor.close()

    async def _stream(self, table: Table, collection: str, where: dict[str, Any]) -> AsyncIterator[Document]:
        with translated():
            cursor = self._connection.database[collection].find(where, batch_size=2000).sort("timestamp", ASCENDING)
            try:
                async for found in cursor:
                    yield to_document(table, found)
            finally:
                await cursor.close()


def _standing(items: Columns, fates: Sequence[Result]) -> Columns:
    """Those whose very bytes stand in the store now."""
    if fates.count(STORED) == len(fates):
        return items
    return items.pick([place for place, fate in enumerate(fates) if fate is STORED])


def _where(start: datetime | None, end: datetime | None, symbol: str | None) -> dict[str, Any]:
    """A filter in which what the caller gave is a value, never an operator."""
    check_range(start, end)
    where: dict[str, Any] = {} if symbol is None else {"symbol": {"$eq": symbol}}
    bounds = {"$gte": start, "$lt": end}
    if start is not None or end is not None:
        where["timestamp"] = {operator: time for operator, time in bounds.items() if time is not None}
    return where
