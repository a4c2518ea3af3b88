"""The SQL database of the metadata: one bounded pool, and every error in the words of storage."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.errors import OperatorError
from storage.metadata.errors import FILE, translated
from storage.metadata.urls import parse_url
from storage.metadata.values import to_json

POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 10, "pool_recycle": 1800, "pool_pre_ping": True}

MYSQL_SESSION = (
    # aiomysql turns each duplicate of INSERT IGNORE into a Python warning unless the server keeps none.
    "SET SESSION max_error_count = 0, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "time_zone = '+00:00', innodb_lock_wait_timeout = 5"
)


class MetadataDatabase:
    """MySQL/MariaDB, PostgreSQL or SQLite, by one URL; see `parse_url` for its forms.

    Nothing waits longer than `timeout_seconds`, neither for a connection nor for an answer. What
    escapes is a DatabaseError that never shows the password. The constructor does no I/O and raises
    RejectedError for a URL that cannot be meant.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 10.0, connect_seconds: float = 3.0) -> None:
        self.url, options = parse_url(url)
        self.dialect = self.url.get_backend_name()
        self._timeout_seconds = timeout_seconds
        self._engine = self._create_engine(options, connect_seconds)

    def __repr__(self) -> str:
        return f"MetadataDatabase({self.url.render_as_string(hide_password=True)!r})"

    async def connect(self) -> None:
        """Make sure that the database answers; creates the folder of a SQLite file."""
        if self.dialect == "sqlite":
            await asyncio.to_thread(_make_folder, Path(str(self.url.database)))
        await self.ping()

    async def disconnect(self) -> None:
        """Close all connections; the database may be connected again."""
        with translated():
            await self._engine.dispose()

    async def ping(self) -> None:
        """Ask for an answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that reads."""
        with translated():
            async with asyncio.timeout(self._timeout_seconds), self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back by an error."""
        with translated():
            async with asyncio.timeout(self._timeout_seconds), self._engine.connect() as connection:
                await connection.execution_options(tapestore_writes=True)
                async with connection.begin():
                    yield connection

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    def _create_engine(self, options: dict[str, Any], connect_seconds: float) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            **POOL,
            pool_timeout=self._timeout_seconds,
            hide_parameters=True,
            json_serializer=to_json,
            connect_args=options | _driver_arguments(self.dialect, connect_seconds, self._timeout_seconds),
        )
        if self.dialect == "sqlite":
            event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
            event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        if self.dialect == "mysql" and options.get("ssl"):
            event.listen(engine.sync_engine, "connect", _demand_tls)
        return engine


def _driver_arguments(dialect: str, connect_seconds: float, timeout_seconds: float) -> dict[str, Any]:
    match dialect:
        case "mysql":
            return {"connect_timeout": connect_seconds, "charset": "utf8mb4", "init_command": MYSQL_SESSION}
        case "postgresql":
            return {"timeout": connect_seconds}
    return {"timeout": timeout_seconds / 2}


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"no folder for the metadata database: {error}", fix=FILE) from error


def _demand_tls(connection: Any, _: Any) -> None:
    # aiomysql goes on in the clear when the server offers no TLS, and tells it nowhere else.
    if not connection.driver_connection._secure:
        connection.close()
        raise ssl.SSLError("the server offers no TLS")


def _on_sqlite_connect(connection: Any, _: Any) -> None:
    # sqlite3 would begin transactions late and leave DDL outside of them: `begin` below does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    # A reader that turns writer fails at once when another has written; a writer says so from the start.
    writes = connection.get_execution_options().get("tapestore_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
