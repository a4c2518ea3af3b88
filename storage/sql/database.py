"""One SQL database: one bounded pool, and every error in the words of storage."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.errors import OperatorError
from storage.observer import SILENT, Observer, PoolUse
from storage.sql.errors import FILE, Words, translated
from storage.sql.monitoring import Listener
from storage.sql.urls import parse_url

POOL: Mapping[str, Any] = {"pool_size": 5, "max_overflow": 10, "pool_recycle": 1800, "pool_pre_ping": True}

MYSQL_SESSION = (
    # aiomysql turns each duplicate of INSERT IGNORE into a Python warning unless the server keeps none.
    "SET SESSION max_error_count = 0, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "time_zone = '+00:00', innodb_lock_wait_timeout = 5"
)


class SqlDatabase:
    """MySQL/MariaDB, PostgreSQL or SQLite, by one URL; see `parse_url` for its forms.

    Nothing waits longer than `timeout_seconds`, neither for a connection nor for an answer, unless the
    caller says how long. What escapes is a DatabaseError that never shows the password. The constructor
    does no I/O and raises RejectedError for a URL that cannot be meant. `pool` and `driver` are arguments
    of SQLAlchemy's engine and of the driver, over those that are set here. `observer` is asked for whom to
    tell of statements and waits, each time.
    """

    words: ClassVar[Words] = Words()
    to_json: Callable[[Any], str] = staticmethod(json.dumps)

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 10.0,
        connect_seconds: float = 3.0,
        pool: Mapping[str, Any] | None = None,
        driver: Mapping[str, Any] | None = None,
        observer: Callable[[], Observer] = lambda: SILENT,
    ) -> None:
        self.url, of_url = parse_url(url)
        self.dialect = self.url.get_backend_name()
        self.timeout_seconds = timeout_seconds
        arguments = _driver_arguments(self.dialect, connect_seconds, timeout_seconds) | of_url | dict(driver or {})
        options = {**POOL, **(pool or {})}
        self.engine = self._create_engine(options, arguments)
        self._maximum = options["pool_size"] + options["max_overflow"]
        self._waiting = 0
        self._listener = Listener(self.dialect, observer)
        self._listener.listen(self.engine.sync_engine)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url.render_as_string(hide_password=True)!r})"

    async def connect(self) -> None:
        """Make sure that the database answers; creates the folder of a SQLite file."""
        if self.dialect == "sqlite":
            await asyncio.to_thread(self._make_folder)
        await self.ping()

    async def disconnect(self) -> None:
        """Close all connections; the database may be connected again."""
        with translated(self.words):
            await self.engine.dispose()

    async def ping(self) -> None:
        """Ask for an answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def read(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection that reads."""
        with translated(self.words):
            async with asyncio.timeout(seconds or self.timeout_seconds), self.checkout() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back by an error."""
        with translated(self.words):
            async with asyncio.timeout(seconds or self.timeout_seconds), self.checkout() as connection:
                await connection.execution_options(tapestore_writes=True)
                async with connection.begin():
                    yield connection

    @property
    def pool(self) -> PoolUse:
        """The connections now."""
        pool: Any = self.engine.pool
        return PoolUse(pool.checkedin() + pool.checkedout(), pool.checkedout(), self._waiting, self._maximum)

    @asynccontextmanager
    async def checkout(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool, without limits of time and with the driver's own errors.

        The observer hears how long it took, and of an answer that was not awaited.
        """
        connection = self.engine.connect()
        await self._start(connection)
        try:
            yield connection
        finally:
            if connection.sync_connection is not None:
                self._listener.left(connection.sync_connection, "UnavailableError")
            await connection.close()

    async def _start(self, connection: AsyncConnection) -> None:
        started = perf_counter()
        self._waiting += 1
        try:
            await connection.start()
        finally:
            self._waiting -= 1
            self._listener.waited(perf_counter() - started)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    def _create_engine(self, pool: dict[str, Any], arguments: dict[str, Any]) -> AsyncEngine:
        options = {"pool_timeout": self.timeout_seconds} | pool
        engine = create_async_engine(
            self.url, **options, hide_parameters=True, json_serializer=self.to_json, connect_args=arguments
        )
        if self.dialect == "sqlite":
            event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
            event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        if self.dialect == "mysql" and arguments.get("ssl"):
            event.listen(engine.sync_engine, "connect", _demand_tls)
        return engine

    def _make_folder(self) -> None:
        try:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorError(f"no folder for the {self.words.name}: {error}", fix=FILE) from error


def _driver_arguments(dialect: str, connect_seconds: float, timeout_seconds: float) -> dict[str, Any]:
    match dialect:
        case "mysql":
            return {"connect_timeout": connect_seconds, "charset": "utf8mb4", "init_command": MYSQL_SESSION}
        case "postgresql":
            return {"timeout": connect_seconds}
    return {"timeout": timeout_seconds / 2}


def _demand_tls(connection: Any, _: Any) -> None:
    # aiomysql goes on in the clear when the server offers no TLS, and tells it nowhere else.
    if not connection.driver_connection._secure:
        connection.close()
        raise ssl.SSLError("the server offers no TLS")


def _on_sqlite_connect(connection: Any, _: Any) -> None:
    # sqlite3 would begin transactions late and leave DDL outside of them: `begin` below does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    # SQLite does not wait here when others open a new file at the same time: one of them changes the mode for all.
    with suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    # A reader that turns writer fails at once when another has written; a writer says so from the start.
    writes = connection.get_execution_options().get("tapestore_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
