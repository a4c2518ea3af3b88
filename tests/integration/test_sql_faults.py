"""MariaDB and PostgreSQL that misbehave, refuse or are not there: nothing is called durable that is not."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from storage import OperatorError, Outcome, Reason, TransientError, UnavailableError
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.adapters.sql.schema import KINDS
from storage.outcomes import DUPLICATE, STORED
from storage.sql import SqlDatabase
from tests.contracts.records import MS, T0, candle, trade, trades
from tests.contracts.writing import FIRST_DAY, LAST_DAY, outcomes, put, stored
from tests.integration.test_metadata_tls import TlsMariaDB, TlsPostgreSQL, make_certificate
from tests.servers import MariaDB, PostgreSQL, Server

CANARY = "canary-7f3a"


class FaultContract:
    """What goes wrong is told by what the caller can do, and heals by itself."""

    kind: type[Server]
    name: str
    kill_others: str
    waiting: str

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass says where")

    @pytest.fixture
    async def adapter(self, url: str) -> AsyncIterator[BaseAdapter]:
        async with get_adapter(self.name, url) as adapter:
            yield adapter

    async def test_a_hundred_queries_at_once_share_fifteen_connections(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(500))

        answers = await asyncio.gather(
            *(adapter.query_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY) for _ in range(50)),
            *(adapter.find("trades_BTCUSDT", sort=[("price", 1), ("trade_id", 1)]) for _ in range(25)),
            *(adapter.aggregate("trades_BTCUSDT", [{"$group": {"_id": "$trade_id"}}]) for _ in range(25)),
        )

        assert [len(answer) for answer in answers] == [500] * 100
        pool = (await adapter.metrics()).pool
        assert pool.maximum == 15 and pool.size is not None and pool.size <= 15

    async def test_a_hundred_writers_at_once_share_fifteen_connections(self, adapter: BaseAdapter) -> None:
        batches = [trades(20, symbol=f"S{number % 7}") for number in range(100)]

        fates = await asyncio.gather(*(outcomes(adapter, *batch) for batch in batches))

        assert sum(fate.count(Outcome.STORED) for fate in fates) == 7 * 20
        assert {outcome for fate in fates for outcome in fate} == {Outcome.STORED, Outcome.DUPLICATE}

    async def test_connections_that_were_killed_are_replaced(self, adapter: BaseAdapter, url: str) -> None:
        await asyncio.gather(*(adapter.query_latest("trades_BTCUSDT") for _ in range(5)))

        async with SqlDatabase(url) as database, database.write() as connection:
            for statement in (await connection.scalars(text(self.kill_others))).all():
                await connection.execute(text(statement))

        assert await put(adapter, trade()) == [STORED]

    async def test_a_connection_that_is_killed_while_it_writes_is_unavailable(
        self, adapter: BaseAdapter, url: str
    ) -> None:
        await put(adapter, candle())
        async with SqlDatabase(url) as database, database.write() as holder:
            await holder.execute(select(KINDS["candles"]).with_for_update())
            writing = asyncio.ensure_future(put(adapter, candle(event_time=T0 + 9000 * MS)))
            await self._blocked(database)
            for statement in (await holder.scalars(text(self.kill_others))).all():
                await holder.execute(text(statement))
            with pytest.raises(UnavailableError):
                await writing

        assert await put(adapter, candle(event_time=T0 + 9000 * MS)) == [STORED]

    async def test_a_deadlock_is_transient_and_the_newest_stays(self, adapter: BaseAdapter, url: str) -> None:
        older = [candle(timestamp=T0 + n * MS) for n in range(2)]
        newer = [candle(timestamp=T0 + n * MS, event_time=T0 + 9000 * MS) for n in range(2)]
        await put(adapter, *older)
        rows = [
            select(KINDS["candles"]).where(KINDS["candles"].c.timestamp == each.timestamp).with_for_update()
            for each in older
        ]
        async with SqlDatabase(url) as database:
            with suppress(TransientError):  # one of the two is the victim
                async with database.write() as other:
                    await other.execute(rows[1])
                    writing = asyncio.ensure_future(put(adapter, *newer))
                    await self._blocked(database)
                    await other.execute(rows[0])
        with suppress(TransientError):
            await writing

        assert set(await outcomes(adapter, *newer)) <= {Outcome.STORED, Outcome.DUPLICATE}
        assert [document["event_time"] for document in await stored(adapter, candle())] == [T0 + 9000 * MS] * 2

    async def test_a_pool_that_is_used_up_is_transient(self, url: str) -> None:
        options = {"pool_size": 1, "max_overflow": 0, "timeout_seconds": 0.5}
        async with get_adapter(self.name, url, **options) as adapter:
            await put(adapter, *trades(5000))
            held = aiter(adapter.find("trades_BTCUSDT", sort=[("price", 1), ("trade_id", 1)]))
            await anext(held)
            with pytest.raises(TransientError):
                await adapter.ping()

            assert len([document async for document in held]) == 4999
            await adapter.ping()

    async def test_what_was_acknowledged_outlives_a_killed_server(
        self, start_server: Callable[[type[Server]], Server]
    ) -> None:
        server = await asyncio.to_thread(start_server, self.kind)
        acknowledged, many = 0, asyncio.Event()

        async def write() -> None:
            nonlocal acknowledged
            for number in range(100_000):
                await put(adapter, *(trade(10 * number + n) for n in range(10)))
                acknowledged = 10 * (number + 1)
                if number == 30:
                    many.set()

        async with get_adapter(self.name, server.url) as adapter:
            writing = asyncio.ensure_future(write())
            await many.wait()
            await asyncio.to_thread(server.kill)
            with pytest.raises(UnavailableError):
                await writing
            with pytest.raises(UnavailableError):
                await adapter.ping()
            await asyncio.to_thread(server.start)

            kept = {document["trade_id"] for document in await stored(adapter, trade())}
            assert kept >= set(range(acknowledged))
            again = await put(adapter, *(trade(n) for n in range(acknowledged)))
            assert set(again) == {DUPLICATE}

    async def test_a_wrong_password_needs_a_person_and_is_never_shown(self, url: str) -> None:
        wrong = make_url(url).set(password=CANARY).render_as_string(hide_password=False)

        with pytest.raises(OperatorError) as caught:
            await get_adapter(self.name, wrong).connect()

        assert "user and password" in caught.value.fix
        assert CANARY not in "".join(traceback.format_exception(caught.value)) + caught.value.fix

    async def test_an_unknown_database_needs_a_person(self, url: str) -> None:
        unknown = make_url(url).set(database="no_such_database").render_as_string(hide_password=False)

        with pytest.raises(OperatorError) as caught:
            await get_adapter(self.name, unknown).connect()

        assert "create the database" in caught.value.fix

    async def test_nobody_at_the_port_is_unavailable(self, url: str, unused_tcp_port: int) -> None:
        nobody = make_url(url).set(port=unused_tcp_port).render_as_string(hide_password=False)

        with pytest.raises(UnavailableError):
            await get_adapter(self.name, nobody).connect()

    async def test_stores_that_start_at_once_make_the_tables_once(self, url: str) -> None:
        adapters = [get_adapter(self.name, url) for _ in range(4)]

        await asyncio.gather(*(adapter.connect() for adapter in adapters))

        assert await put(adapters[0], trade()) == [STORED]
        assert await put(adapters[3], trade()) == [DUPLICATE]
        await asyncio.gather(*(adapter.disconnect() for adapter in adapters))

    async def test_the_database_itself_holds_what_a_record_promises(self, adapter: BaseAdapter, url: str) -> None:
        depth = {"_id": "x", "symbol": "X", "timestamp": T0, "last_update_id": 1, "bids": (), "asks": ()}
        async with SqlDatabase(url) as database:
            with pytest.raises(Exception, match="kind") as caught:
                async with database.write() as connection:
                    await connection.execute(KINDS["depth"].insert(), [depth | {"kind": "other"}])

        assert type(caught.value).__name__ == "RejectedError"

    @pytest.mark.parametrize(
        ("rule", "batch"),
        [
            ("CREATE UNIQUE INDEX once ON trades (trade_id)", [1, 2, 1, 3]),
            ("ALTER TABLE trades ADD CONSTRAINT few CHECK (trade_id < 5)", [1, 2, 7, 3]),
        ],
        ids=["unique index", "check"],
    )
    async def test_a_record_that_breaks_a_rule_of_the_table_is_rejected_alone(
        self, adapter: BaseAdapter, url: str, rule: str, batch: list[int]
    ) -> None:
        async with SqlDatabase(url) as database, database.write() as connection:
            await connection.execute(text(rule))

        records = [trade(id, timestamp=T0 + place * MS) for place, id in enumerate(batch)]
        one, two, bad, three = await put(adapter, *records)

        assert (one, two, three) == (STORED, STORED, STORED)
        assert bad.reason in (Reason.UNIQUE_INDEX, Reason.SCHEMA) and bad.error
        assert [document["trade_id"] for document in await stored(adapter, trade())] == [1, 2, 3]

    async def test_decimals_are_numbers_to_the_server(self, adapter: BaseAdapter, url: str) -> None:
        await put(adapter, trade(1, price=Decimal("0.1")), trade(2, price=Decimal("0.2")))

        async with SqlDatabase(url) as database, database.read() as connection:
            total = await connection.scalar(text("SELECT SUM(price) FROM trades"))

        assert total == Decimal("0.3")

    async def _blocked(self, database: SqlDatabase) -> None:
        """Until some statement waits for a lock.

        InnoDB gives the same answer again to whoever asks within a tenth of a second of the last one, however often.
        """
        async with asyncio.timeout(4), database.read() as connection:
            while not await connection.scalar(text(self.waiting)):  # noqa: ASYNC110 - a server sets no event
                await asyncio.sleep(0.15)


class TestMariaDBFaults(FaultContract):
    kind = MariaDB
    name = "mariadb"
    kill_others = (
        "SELECT CONCAT('KILL CONNECTION ', id) FROM information_schema.processlist "
        "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    )
    waiting = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"

    @pytest.fixture
    def url(self, mariadb_database: str) -> str:
        return mariadb_database


class TestPostgreSQLFaults(FaultContract):
    kind = PostgreSQL
    name = "postgresql"
    kill_others = (
        "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    @pytest.fixture
    def url(self, postgresql_database: str) -> str:
        return postgresql_database


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("mariadb", TlsMariaDB, marks=pytest.mark.server("mariadb")),
        pytest.param("postgresql", TlsPostgreSQL, marks=pytest.mark.server("postgresql")),
    ],
)
async def test_tls_is_as_strict_as_the_connection_string_says(
    name: str, kind: type[Server], start_server: Callable[[type[Server]], Server], tmp_path: Path
) -> None:
    server = await asyncio.to_thread(start_server, kind)
    make_certificate(tmp_path)

    def by(host: str, certificate: Path) -> BaseAdapter:
        query = {"sslmode": "verify-full", "sslrootcert": str(certificate)}
        url = make_url(server.url).set(host=host, query=query)
        return get_adapter(name, url.render_as_string(hide_password=False))

    async with by("localhost", server.folder / "cert.pem") as adapter:
        assert await put(adapter, trade()) == [STORED]
    for stranger in (by("localhost", tmp_path / "cert.pem"), by("127.0.0.1", server.folder / "cert.pem")):
        with pytest.raises(OperatorError) as caught:
            await stranger.connect()
        assert "certificates" in caught.value.fix
