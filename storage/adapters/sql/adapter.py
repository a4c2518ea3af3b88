"""Documents in SQL, one table for each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa

from storage.adapters.base import BaseAdapter, Capability, Change, Document, Query, Rows
from storage.adapters.requests import (
    check_free,
    check_limit,
    check_range,
    question_asked,
    table_asked,
)
from storage.adapters.sql import answers, free
from storage.adapters.sql.collections import Collections
from storage.adapters.sql.database import PATIENCE_SECONDS, MarketDatabase
from storage.adapters.sql.dialects import bytes_of, version_of
from storage.adapters.sql.letters import SQLConflicts, SQLDeadLetters
from storage.adapters.sql.slices import Condition, Slice
from storage.adapters.sql.writes import write
from storage.errors import OperatorError, RejectedError, UnavailableError
from storage.observer import AdapterMetrics
from storage.outcomes import Reason, Result, rejected
from storage.queries import check_documents, parse_changes, parse_filter, parse_find, parse_pipeline
from storage.queries.language import Pipeline
from storage.records import Record
from storage.tables import Table
from storage.times import from_ms, to_ms

URL = "give it as mysql://, mariadb://, postgresql:// with user:password@host:port/database, or sqlite:///path"


class SQLAdapter(BaseAdapter):
    """Rows of a SQL database; a write is durable once its transaction is committed.

    `connection_string` is a URL as `storage.sql.urls.parse_url` takes it, with TLS. The pool holds `pool_size`
    connections and opens `max_overflow` more; nothing waits longer than `timeout_seconds` for a connection or a
    short answer. A collection holds one symbol: a record of another one is rejected. Documents that stream in
    the order of time or in none hold no connection; those that are sorted hold one until they were read.
    """

    dialects: ClassVar[tuple[str, ...]] = ("mysql", "postgresql", "sqlite")
    capabilities = frozenset(Capability)

    def __init__(
        self,
        connection_string: str,
        *,
        max_collections: int = 5000,
        pool_size: int = 5,
        max_overflow: int = 10,
        pool_recycle_seconds: float = 1800,
        timeout_seconds: float = 10.0,
        connect_seconds: float = 3.0,
    ) -> None:
        self._url = connection_string
        self._limit = max_collections
        self._pool = {"pool_size": pool_size, "max_overflow": max_overflow, "pool_recycle": pool_recycle_seconds}
        self._timeouts = {"timeout_seconds": timeout_seconds, "connect_seconds": connect_seconds}
        self._database: MarketDatabase | None = None
        self._collections = Collections(self._open, max_collections)
        self.dead_letters = SQLDeadLetters(self._open)
        self.conflicts = SQLConflicts(self._open)

    async def connect(self) -> None:
        await self.disconnect()
        database = self._make_database()
        try:
            await database.connect()
        except BaseException:
            await database.disconnect()
            raise
        self._database = database

    async def disconnect(self) -> None:
        database, self._database = self._database, None
        self._collections.forget()
        if database is not None:
            await database.disconnect()

    async def ping(self) -> None:
        await self._open().ping()

    async def metrics(self) -> AdapterMetrics:
        database = self._open()
        async with database.read() as connection:
            version = await connection.scalar(version_of(database.dialect))
            size = await connection.scalar(bytes_of(database.dialect))
        return AdapterMetrics(database.pool, None if size is None else int(size), str(version))

    async def _put(self, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        database = self._open()
        if not await self._collections.prepare(collection):
            return [rejected(Reason.SYMBOL_LIMIT, f"{self._limit} collections are there")] * len(records)
        return await write(database, Slice.of(table, collection), records)

    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        slice, where = _asked(collection, start, end, symbol)
        return Rows(self._stream(slice, where))

    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        slice, where = _asked(collection, None, None, symbol)
        check_limit(limit)
        return await answers.latest(self._open(), slice, where, limit)

    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        slice, where = _asked(collection, start, end, symbol)
        return await answers.count(self._open(), slice, where)

    async def ensure_indexes(self, collection: str) -> None:
        slice, _ = _asked(collection, None, None, None)
        async with self._open().write(PATIENCE_SECONDS) as connection:
            for index in slice.rows.indexes:
                await connection.run_sync(index.create, checkfirst=True)

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        slice, where = _asked(collection, start, end, symbol)
        return await answers.delete(self._open(), slice, where)

    async def list_collections(self) -> list[str]:
        return await self._collections.names()

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
        wanted, values = parse_filter(table, filter), parse_changes(table, changes)
        return await answers.update(self._open(), Slice.of(table, collection), wanted, values)

    async def delete(self, collection: str, filter: Query) -> int:
        table = question_asked(collection)
        wanted = parse_filter(table, filter)
        database = self._open()
        if table is None:
            return await free.delete(database, collection, wanted)
        slice = Slice.of(table, collection)
        return await answers.delete(database, slice, answers.condition(database, slice, wanted))

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        check_free(collection)
        checked = check_documents(documents)
        return await free.replace(self._open(), collection, checked, dry_run=dry_run)

    async def _answer(self, table: Table | None, collection: str, pipeline: Pipeline) -> AsyncIterator[Document]:
        database = self._open()
        if table is None:
            found = free.answer(database, collection, pipeline)
        else:
            found = answers.answer(database, Slice.of(table, collection), pipeline)
        async for document in found:
            yield document

    async def _stream(self, slice: Slice, where: Condition) -> AsyncIterator[Document]:
        async for document in answers.in_range(self._open(), slice, where):
            yield document

    def _open(self) -> MarketDatabase:
        if self._database is None:
            raise UnavailableError("not connected: call connect() first")
        return self._database

    def _make_database(self) -> MarketDatabase:
        try:
            database = MarketDatabase(self._url, lambda: self.observer, self._pool, **self._timeouts)
        except RejectedError as error:
            raise OperatorError(f"the connection string cannot be used: {error}", fix=URL) from None
        if database.dialect not in self.dialects:
            raise OperatorError(f"the connection string is one of {database.dialect}, not {self.dialects[0]}", fix=URL)
        return database


class MySQLAdapter(SQLAdapter):
    """MySQL or MariaDB."""

    dialects = ("mysql",)


class PostgreSQLAdapter(SQLAdapter):
    """PostgreSQL."""

    dialects = ("postgresql",)


class SQLiteAdapter(SQLAdapter):
    """A file of SQLite: `sqlite:///path`; writers take their turn."""

    dialects = ("sqlite",)


def _asked(
    collection: str, start: datetime | None, end: datetime | None, symbol: str | None
) -> tuple[Slice, Condition]:
    """The slice of a collection, and what of it is asked for."""
    slice = Slice.of(table_asked(collection), collection)
    check_range(start, end)
    where: list[Condition] = [sa.true()]
    if start is not None:
        where.append(slice.rows.c.timestamp >= _ceiling(start))
    if end is not None:
        where.append(slice.rows.c.timestamp < _ceiling(end))
    if symbol is not None:
        where.append(sa.true() if symbol == slice.symbol else sa.false())
    return slice, sa.and_(*where)


def _ceiling(time: datetime) -> datetime:
    """The next whole millisecond: what is stored lies on either side of it as of the time itself."""
    floor = from_ms(to_ms(time))
    return floor if floor == time else floor + timedelta(milliseconds=1)
