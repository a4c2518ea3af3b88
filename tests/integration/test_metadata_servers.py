"""MariaDB and PostgreSQL keep the contract of the metadata database, and say what is wrong when they do not serve."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, make_url, select, text, update

from storage import DatabaseError, OperatorError, TransientError, UnavailableError
from storage.metadata import MetadataDatabase
from storage.metadata.schema import datasets
from storage.metadata.values import bind_values
from storage.migrations import status, upgrade
from storage.repositories.catalog import CatalogRepository
from storage.repositories.lineage import LineageRepository
from storage.spool import LineageSpool, LineageWriter
from storage.sql.lock import migration_lock
from tests.contracts.metadata import MetadataContract
from tests.contracts.metadata_fixtures import OnMetadata
from tests.contracts.rows import dataset, lineage, lineage_of
from tests.servers import MariaDB, PostgreSQL, Server

CANARY = "canary-7f3a"


class ServerContract(OnMetadata):
    """What is wrong is said in the words of storage, soon, and without the password."""

    kind: type[Server]

    async def test_a_wrong_password_needs_a_person_and_is_never_shown(self, url: str) -> None:
        wrong = make_url(url).set(password=CANARY).render_as_string(hide_password=False)
        database = MetadataDatabase(wrong)

        with pytest.raises(OperatorError) as caught:
            await database.connect()

        assert "user and password" in caught.value.fix
        assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(database) + caught.value.fix

    async def test_an_unknown_database_needs_a_person(self, url: str) -> None:
        with pytest.raises(OperatorError) as caught:
            await status(make_url(url).set(database="no_such_database").render_as_string(hide_password=False))

        assert "create the database" in caught.value.fix

    async def test_nobody_at_the_port_is_unavailable(self, url: str, unused_tcp_port: int) -> None:
        with pytest.raises(UnavailableError):
            await MetadataDatabase(at(url, unused_tcp_port)).connect()

    async def test_a_server_that_says_nothing_is_unavailable(self, url: str) -> None:
        async with silent_server() as port:
            with pytest.raises(UnavailableError):
                await MetadataDatabase(at(url, port), timeout_seconds=0.5, connect_seconds=0.2).connect()

    async def test_a_line_that_goes_dead_is_unavailable_and_heals(self, url: str) -> None:
        async with line_to(url) as line, MetadataDatabase(at(url, line.port), timeout_seconds=0.5) as database:
            line.open.clear()
            with pytest.raises(UnavailableError):
                await database.ping()

            line.open.set()
            await database.ping()

    async def test_a_deadlock_is_transient(self, database: MetadataDatabase) -> None:
        await CatalogRepository(database).upsert_datasets([dataset(dataset_id=name) for name in "ab"])
        both_hold_one = asyncio.Barrier(2)

        async def change(first: str, second: str) -> None:
            async with database.write() as connection:
                for name in (first, second):
                    row = update(datasets).where(datasets.c.dataset_id == name)
                    await connection.execute(row.values(name=first))
                    if name == first:
                        await both_hold_one.wait()

        ends = await asyncio.gather(change("a", "b"), change("b", "a"), return_exceptions=True)

        assert [end for end in ends if end is not None and not isinstance(end, TransientError)] == []
        assert ends.count(None) == 1

    async def test_a_user_who_may_only_read_needs_a_person(self, database: MetadataDatabase, url: str) -> None:
        name = make_url(url).database
        assert name is not None
        async with reader_of(database, name) as reader:
            other = make_url(url).set(username=reader, password=CANARY).render_as_string(hide_password=False)
            async with MetadataDatabase(other) as limited:
                with pytest.raises(OperatorError) as caught:
                    async with limited.write() as connection:
                        await connection.execute(insert(datasets), bind_values(datasets, dataset()))

        assert "grant" in caught.value.fix

    async def test_who_waits_too_long_for_a_migration_may_try_again(self, url: str) -> None:
        async with MetadataDatabase(url) as one, MetadataDatabase(url) as other:
            async with one.write() as holder:
                locks = ExitStack()
                await holder.run_sync(lambda connection: locks.enter_context(migration_lock(connection, 1)))

                with pytest.raises(TransientError):
                    async with other.write() as waiter:
                        await waiter.run_sync(take_and_give_back)

                await holder.run_sync(lambda _: locks.close())
            async with other.write() as waiter:
                await waiter.run_sync(take_and_give_back)

    async def test_who_migrates_next_sees_all_that_was_done_before(self, database: MetadataDatabase, url: str) -> None:
        async with MetadataDatabase(url) as other, other.write() as waiter:
            async with database.write() as holder:
                await holder.run_sync(add_a_dataset)
                following = asyncio.create_task(waiter.run_sync(count_datasets))
                await asyncio.wait([following], timeout=0.5)  # a lock that ends before its transaction lets it through

            assert await following == 1

    async def test_a_server_that_restarts_is_found_again(self, start_server: Callable[[type[Server]], Server]) -> None:
        server = await asyncio.to_thread(start_server, self.kind)
        async with MetadataDatabase(server.url) as database:
            await asyncio.to_thread(server.kill)
            with pytest.raises(UnavailableError):
                await database.ping()
            await asyncio.to_thread(server.start)

            await database.ping()

    async def test_lineage_waits_for_a_server_that_is_down_also_over_a_restart_of_ours(
        self, start_server: Callable[[type[Server]], Server], tmp_path: Path
    ) -> None:
        server = await asyncio.to_thread(start_server, self.kind)
        await upgrade(server.url)
        async with MetadataDatabase(server.url) as database:
            before = writer(database, tmp_path, "run-1")
            assert await before.write([lineage("a")]) == 1
            await asyncio.to_thread(server.kill)
            for name in ("b", "c"):
                assert await before.write([lineage(name)]) == 0
            assert isinstance(before.last_error, DatabaseError) and before.waiting_rows == 2
            await before.close()
            await asyncio.to_thread(server.start)

            after = writer(database, tmp_path, "run-2")
            await after.write([lineage("d", run_id="run-2")])

            assert sum(row.received for row in await lineage_of(database)) == 40
            assert (after.last_error, after.waiting_rows) == (None, 0)
            await after.close()
        assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


class TestMariaDB(MetadataContract, ServerContract):
    kind = MariaDB

    @pytest.fixture
    def url(self, mariadb_database: str) -> str:
        return mariadb_database


class TestPostgreSQL(MetadataContract, ServerContract):
    kind = PostgreSQL

    @pytest.fixture
    def url(self, postgresql_database: str) -> str:
        return postgresql_database

    async def test_a_server_that_only_reads_needs_a_person(self, database: MetadataDatabase) -> None:
        with pytest.raises(OperatorError) as caught:
            async with database.write() as connection:
                await connection.execute(text("SET TRANSACTION READ ONLY"))
                await connection.execute(insert(datasets), bind_values(datasets, dataset()))

        assert "takes writes" in caught.value.fix


def take_and_give_back(connection: Connection) -> None:
    with migration_lock(connection, 1):
        pass


def add_a_dataset(connection: Connection) -> None:
    with migration_lock(connection, 5):
        connection.execute(insert(datasets), bind_values(datasets, dataset()))


def count_datasets(connection: Connection) -> int:
    with migration_lock(connection, 5):
        return len(connection.execute(select(datasets.c.dataset_id)).all())


def writer(database: MetadataDatabase, folder: Path, run_id: str) -> LineageWriter:
    catalog, repository = CatalogRepository(database), LineageRepository(database)
    return LineageWriter(catalog, repository, LineageSpool(folder, run_id), storage_type="mongodb")


def at(url: str, port: int) -> str:
    return make_url(url).set(port=port, host="127.0.0.1").render_as_string(hide_password=False)


@asynccontextmanager
async def reader_of(database: MetadataDatabase, name: str) -> AsyncIterator[str]:
    """A user who may read the tables of that database, and no more."""
    user = f"{name}_reader"
    create, grant, drop = {
        "mysql": (
            f"CREATE USER '{user}'@'%' IDENTIFIED BY '{CANARY}'",
            f"GRANT SELECT ON {name}.* TO '{user}'@'%'",
            f"DROP USER '{user}'@'%'",
        ),
        "postgresql": (
            f"CREATE USER {user} PASSWORD '{CANARY}'",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
            f"DROP OWNED BY {user}; DROP USER {user}",
        ),
    }[database.dialect]
    await _each(database, create, grant)
    yield user
    await _each(database, *drop.split("; "))


async def _each(database: MetadataDatabase, *statements: str) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that accepts and never answers; in the end it waits for its clients to hang up."""
    async with _served(lambda reader, _: _read_all(reader)) as port:
        yield port


async def _read_all(reader: asyncio.StreamReader) -> None:
    await reader.read()


class Line:
    """A wire to a server that carries nothing, in neither direction, while `open` is not set."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.open = asyncio.Event()
        self.open.set()
        self._server_port = server_port

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._server_port)
        await asyncio.gather(self._one_way(reader, there[1]), self._one_way(there[0], writer))

    async def _one_way(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self.open.wait()
                to.write(data)
                await to.drain()
        await _close(to)


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    port = make_url(url).port
    assert port is not None
    line = Line(port)
    async with _served(line.carry) as line.port:
        yield line


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def _served(handle: Handler) -> AsyncIterator[int]:
    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handle(reader, writer)
        await _close(writer)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    async with asyncio.timeout(5):
        await asyncio.gather(*clients)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
