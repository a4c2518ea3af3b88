"""The database of one adapter: its pool as the observer sees it, its tables, streams of rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from storage.adapters.sql.schema import market
from storage.adapters.sql.sqlite import DecimalConnection
from storage.observer import Observer
from storage.sql.database import SqlDatabase
from storage.sql.errors import Words, translated
from storage.sql.lock import migration_lock

PATIENCE_SECONDS = 300.0
"""For counts, sorts, deletions: they may have to look at very many rows."""

PAGE = 2000
"""Rows that are in memory at the same time while they stream."""

_LOCK_SECONDS = 10


class MarketDatabase(SqlDatabase):
    """MySQL/MariaDB, PostgreSQL or SQLite with the tables of `storage.adapters.sql.schema`.

    Transactions see what others have committed so far, and on SQLite they take their turn.
    """

    words: ClassVar[Words] = Words("market database", "the connection string")

    def __init__(self, url: str, observer: Callable[[], Observer], pool: dict[str, Any], **timeouts: float) -> None:
        scheme = url.partition(":")[0].partition("+")[0]
        if scheme in ("mysql", "mariadb"):
            # Its default would lock gaps between keys, in which two writers of new keys wait for each other.
            pool = {"isolation_level": "READ COMMITTED"} | pool
        driver = {"factory": DecimalConnection} if scheme == "sqlite" else {}
        super().__init__(url, pool=pool, driver=driver, observer=observer, **timeouts)
        self._streaming: set[AsyncConnection] = set()
        self._one_writer = asyncio.Lock() if self.dialect == "sqlite" else None

    async def connect(self) -> None:
        """See that it answers, and make the tables that are missing."""
        await super().connect()
        async with self.read() as connection:
            is_ready = await connection.run_sync(_has_all_tables)
        if not is_ready:
            async with self.write(PATIENCE_SECONDS) as connection:
                await connection.run_sync(_make_tables)

    async def disconnect(self) -> None:
        """Close all connections, also those of streams that were left early and not yet cleared away."""
        with translated(self.words):
            for connection in list(self._streaming):
                await connection.close()
        await super().disconnect()

    @asynccontextmanager
    async def write(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back by an error."""
        with translated(self.words):
            async with asyncio.timeout(seconds or self.timeout_seconds), self._one_writer or nullcontext():
                async with super().write(seconds) as connection:
                    yield connection

    async def stream(self, statement: sa.Select[Any]) -> AsyncIterator[sa.Row[Any]]:
        """The rows of a statement as they come, by a cursor of the server: a connection is in use meanwhile."""
        with translated(self.words):
            async with self.checkout() as connection, self._stream(connection, statement) as result:
                while rows := await asyncio.wait_for(result.fetchmany(PAGE), self.timeout_seconds):
                    for row in rows:
                        yield row

    @asynccontextmanager
    async def _stream(self, connection: AsyncConnection, statement: sa.Select[Any]) -> AsyncIterator[AsyncResult[Any]]:
        self._streaming.add(connection)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                result = await connection.stream(statement, execution_options={"yield_per": PAGE})
            yield result
        finally:
            self._streaming.discard(connection)


Open = Callable[[], MarketDatabase]
"""Gives the database of a connected adapter, or raises UnavailableError."""


def _has_all_tables(connection: sa.Connection) -> bool:
    return set(sa.inspect(connection).get_table_names()) >= market.tables.keys()


def _make_tables(connection: sa.Connection) -> None:
    with migration_lock(connection, _LOCK_SECONDS):
        market.create_all(connection)
