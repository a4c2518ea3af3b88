"""Both databases under one roof, on real servers that die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import make_url

from config import Settings, load
from storage import DatabaseManager, Outcome, TransientError, UnavailableError
from storage.circuit_breaker import CircuitBreakerOpen
from storage.metadata import MetadataDatabase
from storage.observer import Silent
from tests.contracts.records import candle, trade
from tests.contracts.rows import dataset
from tests.integration.mongodb import FORGOTTEN_SOCKETS
from tests.servers import MariaDB, MongoDB, Server

pytestmark = [
    pytest.mark.server("mongodb"),
    pytest.mark.server("mariadb"),
    pytest.mark.filterwarnings(FORGOTTEN_SOCKETS),
    pytest.mark.timeout(180),
]

WITHIN_SECONDS = 10.0


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """A MariaDB and a mongod that nobody else uses; a test that kills one starts it again."""
    for kind in (MariaDB, MongoDB):
        if not kind.installed():
            pytest.skip(f"{kind.name} is not installed: python -m tests.servers.install {kind.name}")
    with MariaDB() as mariadb, MongoDB() as mongod:
        yield mariadb, mongod


@pytest.fixture
async def settings(servers: tuple[Server, Server], unique_name: str, tmp_path: Path) -> Settings:
    """Databases of their own on both."""
    async with MetadataDatabase(servers[0].url) as database, database.write() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {unique_name}")
    url = make_url(servers[0].url).set(database=unique_name).render_as_string(hide_password=False)
    return settings_of(url, servers[1].url, unique_name, tmp_path)


def settings_of(mysql: str, mongodb: str, database: str, folder: Path) -> Settings:
    return load({"METADATA_URL": mysql, "MONGODB_URI": mongodb, "MONGODB_DB": database, "LOCAL_PATH": str(folder)})


async def becomes(manager: DatabaseManager, side: str, connected: bool) -> float:
    """Seconds until the health check says so; fails when it takes too long."""
    started = monotonic()
    while manager.health_check()[side]["connected"] is not connected:
        assert monotonic() - started < WITHIN_SECONDS, manager.health_check()
        await asyncio.sleep(0.05)
    return monotonic() - started


async def test_it_coordinates_both_sides(settings: Settings) -> None:
    async with DatabaseManager(settings) as manager:
        health = manager.health_check()
        assert (health["mysql"]["connected"], health["mongodb"]["connected"]) == (True, True)
        assert health["mysql"]["server_version"].count(".") >= 2
        assert health["mongodb"]["server_version"].count(".") == 2
        assert health["mysql"]["latency_ms"] > 0
        assert health["mysql"]["pool"]["maximum"] == 15
        assert (await manager.health()).keys() == health.keys()

        fate = await manager.trades.insert(trade())
        await manager.datasets.upsert_dataset(dataset())

        assert fate.outcome is Outcome.STORED
        assert await manager.trades.get_latest("BTCUSDT") == [trade()]
        assert await manager.datasets.get_dataset(dataset().dataset_id) == dataset()
    assert manager.health_check()["mysql"]["connected"] is False


@pytest.mark.parametrize("side", ["mysql", "mongodb"])
async def test_a_server_that_dies_is_seen_and_one_that_comes_back_too(
    settings: Settings, servers: tuple[Server, Server], side: str
) -> None:
    other, server = ("mongodb", servers[0]) if side == "mysql" else ("mysql", servers[1])
    async with DatabaseManager(settings) as manager:
        await asyncio.to_thread(server.kill)

        await becomes(manager, side, False)
        health = manager.health_check()
        assert health[side]["last_error"]
        assert health[other]["connected"] is True

        await asyncio.to_thread(server.start)

        await becomes(manager, side, True)
        assert (await manager.trades.insert(trade(2))).outcome is Outcome.STORED
        await manager.datasets.upsert_dataset(dataset())


async def test_it_starts_with_what_is_there_and_heals_alone(settings: Settings, servers: tuple[Server, Server]) -> None:
    mariadb, mongod = servers
    await asyncio.to_thread(mariadb.kill)
    await asyncio.to_thread(mongod.kill)

    async with DatabaseManager(settings) as manager:
        assert [each["connected"] for each in manager.health_check().values()] == [False, False]
        with pytest.raises(UnavailableError):
            await manager.trades.get_latest("BTCUSDT")
        await asyncio.to_thread(mongod.start)
        await becomes(manager, "mongodb", True)
        assert manager.health_check()["mysql"]["connected"] is False
        assert (await manager.candles.insert(candle())).outcome is Outcome.STORED

        await asyncio.to_thread(mariadb.start)
        await becomes(manager, "mysql", True)
        assert await registered(manager) == ["default.candles_BTCUSDT_1m"]


async def registered(manager: DatabaseManager) -> list[str]:
    """The ids of all datasets, once there are some."""
    for _ in range(100):
        if found := await manager.datasets.get_all_datasets():
            return [each.dataset_id for each in found]
        await asyncio.sleep(0.05)
    return []


async def test_while_a_side_is_down_its_breaker_answers_at_once(
    settings: Settings, servers: tuple[Server, Server]
) -> None:
    async with DatabaseManager(settings) as manager:
        await asyncio.to_thread(servers[0].kill)
        for _ in range(settings.retry.failure_threshold):
            with pytest.raises(TransientError):
                await manager.datasets.get_all_datasets()

        started = monotonic()
        with pytest.raises(CircuitBreakerOpen):
            await manager.datasets.get_all_datasets()
        assert monotonic() - started < 0.1

        await becomes(manager, "mysql", False)
        await asyncio.to_thread(servers[0].start)
        await becomes(manager, "mysql", True)
        assert await manager.datasets.get_all_datasets() == []


async def test_the_sql_side_is_called_mysql_whatever_it_is(settings: Settings, tmp_path: Path) -> None:
    sqlite = settings_of(f"sqlite:///{tmp_path}/it.sqlite", settings.mongodb_uri.get_secret_value(), "it", tmp_path)

    async with DatabaseManager(sqlite) as manager:
        assert manager.health_check()["mysql"]["connected"] is True


async def test_shutting_down_twice_is_harmless_and_it_may_start_again(settings: Settings) -> None:
    manager = DatabaseManager(settings)
    await manager.shutdown()
    for _ in range(2):
        await manager.initialize()
        await manager.initialize()
        assert manager.health_check()["mongodb"]["connected"] is True
        await manager.shutdown()
        await manager.shutdown()
    with pytest.raises(UnavailableError):
        await manager.trades.get_latest("BTCUSDT")


async def test_an_observer_hears_of_both_sides(settings: Settings) -> None:
    systems: set[str] = set()

    class Ear(Silent):
        def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
            systems.add(system)

    async with DatabaseManager(settings, observer=Ear()) as manager:
        await manager.datasets.upsert_dataset(dataset())
        await manager.trades.insert(trade())

    assert systems == {"mysql", "mongodb"}
