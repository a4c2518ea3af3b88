"""Documents in MongoDB, one collection for each kind and symbol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pymongo
from pymongo import ASCENDING, DESCENDING

from storage.adapters.base import BaseAdapter, Document, Rows
from storage.adapters.mongodb.collections import Collections, Layout
from storage.adapters.mongodb.connection import Connection, Driver
from storage.adapters.mongodb.documents import to_document
from storage.adapters.mongodb.entries import Target
from storage.adapters.mongodb.errors import translated
from storage.adapters.mongodb.letters import MongoDBConflicts, MongoDBDeadLetters
from storage.adapters.mongodb.writes import write
from storage.adapters.requests import check_limit, check_range, may_hold, table_asked
from storage.errors import RejectedError
from storage.outcomes import Reason, Result, rejected
from storage.records import Record
from storage.tables import Table

_PATIENCE_SECONDS = 300
"""For counts and deletions, which may have to look at very many documents."""


class MongoDBAdapter(BaseAdapter):
    """Collections of a MongoDB database; a write is durable once a majority has journaled it.

    `layout` is that of new collections: `indexed` by timestamp, or `clustered` by `_id` as well.
    `max_collections` bounds the collections of market data.
    """

    def __init__(
        self,
        connection_string: str,
        database: str = "tapestore",
        *,
        layout: Layout = "indexed",
        max_collections: int = 5000,
        driver: Driver = "pymongo",
    ) -> None:
        self._connection = Connection(connection_string, database, driver)
        self._collections = Collections(layout, max_collections)
        self._limit = max_collections
        self.dead_letters = MongoDBDeadLetters(self._connection)
        self.conflicts = MongoDBConflicts(self._connection)

    async def connect(self) -> None:
        await self.disconnect()
        self._connection.open()
        try:
            with translated():
                await self._collections.load(self._connection.database)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        with translated():
            await self._connection.close()

    async def ping(self) -> None:
        with translated():
            await self._connection.database.command("ping")

    async def put(self, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        database = self._connection.database
        if not may_hold(table, collection):
            return [rejected(Reason.INVALID_SYMBOL, f"{collection[:80]!r} can hold no {table.name}")] * len(records)
        if not records:
            return []
        with translated():
            if not await self._collections.prepare(database, collection):
                return [rejected(Reason.SYMBOL_LIMIT, f"{self._limit} collections are there")] * len(records)
            is_clustered = self._collections.is_clustered(collection)
            return await write(Target(table, database[collection], is_clustered), records)

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
        database = self._connection.database
        with translated():
            if not await self._collections.prepare(database, collection):
                raise RejectedError(f"{self._limit} collections are there, {collection} would be one more")
            await database[collection].create_index([("symbol", ASCENDING), ("timestamp", ASCENDING)])

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        table_asked(collection)
        where = _where(start, end, symbol)
        with translated(), pymongo.timeout(_PATIENCE_SECONDS):
            return (await self._connection.database[collection].delete_many(where)).deleted_count

    async def list_collections(self) -> list[str]:
        with translated():
            return await self._collections.names(self._connection.database)

    async def _stream(self, table: Table, collection: str, where: dict[str, Any]) -> AsyncIterator[Document]:
        with translated():
            cursor = self._connection.database[collection].find(where, batch_size=2000).sort("timestamp", ASCENDING)
            try:
                async for found in cursor:
                    yield to_document(table, found)
            finally:
                await cursor.close()


def _where(start: datetime | None, end: datetime | None, symbol: str | None) -> dict[str, Any]:
    """A filter in which what the caller gave is a value, never an operator."""
    check_range(start, end)
    where: dict[str, Any] = {} if symbol is None else {"symbol": {"$eq": symbol}}
    bounds = {"$gte": start, "$lt": end}
    if start is not None or end is not None:
        where["timestamp"] = {operator: time for operator, time in bounds.items() if time is not None}
    return where
