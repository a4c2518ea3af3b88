"""Migrations of the collections: forward, back, at once, after a kill, and with documents in place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from storage import RejectedError
from storage.adapters.mongodb import MongoDBAdapter
from storage.migrations import apply_migrations, migration_status, rollback_migrations
from storage.migrations.mongodb import MigrationsLocked, MongoDBMigrations
from storage.migrations.mongodb.lock import migration_lease
from storage.migrations.mongodb.steps import STEPS, Site, Step
from tests.contracts.letters import letter, letters
from tests.contracts.records import FULL, candle, trades
from tests.contracts.writing import put, stored
from tests.integration.mongodb import client_of, forget

pytestmark = pytest.mark.server("mongodb")

Client = AsyncMongoClient[dict[str, Any]]


@pytest.fixture
async def client(mongodb_uri: str, unique_name: str) -> AsyncIterator[Client]:
    async with client_of(mongodb_uri) as client:
        yield client
        await forget(client, unique_name)


@pytest.fixture
async def adapter(client: Client, mongodb_uri: str, unique_name: str) -> AsyncIterator[MongoDBAdapter]:
    retention = {"trades": timedelta(days=20_000)}
    async with MongoDBAdapter(mongodb_uri, unique_name, validation="strict", retention=retention) as adapter:
        yield adapter


@pytest.fixture
async def old(client: Client, unique_name: str, adapter: MongoDBAdapter, mongodb_uri: str) -> AsyncIterator[None]:
    """A database as it was before there were indexes and validators, with documents in it."""
    async with MongoDBAdapter(mongodb_uri, unique_name) as plain:
        await put(plain, *trades(5))
        await put(plain, candle())
        await plain.dead_letters.put([letter()])
    for name in ("trades_BTCUSDT", "candles_BTCUSDT_1m", "dead_letters"):
        await client[unique_name][name].drop_indexes()
    yield


async def state(client: Client, database: str) -> dict[str, tuple[set[str], bool]]:
    """Of each collection its indexes, and whether it has a validator."""
    found = [each async for each in await client[database].list_collections()]
    return {
        each["name"]: (
            set(await client[database][each["name"]].index_information()) - {"_id_"},
            bool(each["options"].get("validator")),
        )
        for each in found
        if each["name"] != "tapestore_migrations"
    }


BEFORE = {
    "trades_BTCUSDT": (set[str](), False),
    "candles_BTCUSDT_1m": (set[str](), False),
    "dead_letters": (set[str](), False),
}
AFTER = {
    "trades_BTCUSDT": ({"timestamp_1"}, True),
    "candles_BTCUSDT_1m": ({"timestamp_1"}, True),
    "dead_letters": ({"first_seen_1"}, False),
}


@pytest.mark.usefixtures("old")
async def test_up_brings_what_is_missing_and_down_takes_it_back(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    migrations = MongoDBMigrations(adapter)
    before = await migrations.status()
    assert (before.current, before.pending) == (None, ("0001", "0002"))

    done = await migrations.upgrade()
    assert (done.current, done.head, done.pending) == ("0002", "0002", ())
    assert await state(client, unique_name) == AFTER
    assert (await client[unique_name]["trades_BTCUSDT"].index_information())["timestamp_1"]["expireAfterSeconds"]

    back = await migrations.downgrade("0001")
    assert (back.current, back.pending) == ("0001", ("0002",))
    assert not any(validated for _, validated in (await state(client, unique_name)).values())

    gone = await migrations.downgrade("base")
    assert (gone.current, await state(client, unique_name)) == (None, BEFORE)
    assert len(await stored(adapter, FULL["trades"])) == 5
    assert len(await letters(adapter)) == 1

    await migrations.upgrade()
    assert await state(client, unique_name) == AFTER


@pytest.mark.usefixtures("old")
async def test_one_step_back_and_one_version_up(adapter: MongoDBAdapter) -> None:
    migrations = MongoDBMigrations(adapter)

    assert (await migrations.upgrade("0001")).current == "0001"
    assert (await migrations.upgrade()).current == "0002"
    assert (await migrations.downgrade("-1")).current == "0001"
    assert (await migrations.upgrade()).pending == ()
    for target in ("0003", "$ne", ""):
        with pytest.raises(RejectedError, match="there is no version"):
            await migrations.upgrade(target)
        with pytest.raises(RejectedError, match="there is no version"):
            await migrations.downgrade(target)


def counting(taken: list[str]) -> tuple[Step, ...]:
    async def up(site: Site) -> None:
        taken.append("up")
        await site.renew()

    async def down(site: Site) -> None:
        taken.append("down")

    return (Step("0001", "counted", up, down),)


async def test_processes_that_start_at_once_migrate_once(
    adapter: MongoDBAdapter, mongodb_uri: str, unique_name: str
) -> None:
    taken: list[str] = []

    async def start() -> None:
        async with MongoDBAdapter(mongodb_uri, unique_name) as pod:
            while (await MongoDBMigrations(pod, counting(taken)).status()).pending:
                try:
                    await MongoDBMigrations(pod, counting(taken)).upgrade()
                except MigrationsLocked:
                    await asyncio.sleep(0.05)

    await asyncio.gather(*(start() for _ in range(4)))

    assert taken == ["up"]


async def test_the_lock_keeps_others_out_until_it_is_given_back(adapter: MongoDBAdapter) -> None:
    async with migration_lease(adapter.connection.database):
        with pytest.raises(MigrationsLocked):
            await MongoDBMigrations(adapter).upgrade()
        with pytest.raises(MigrationsLocked):
            await MongoDBMigrations(adapter).downgrade("base")

    assert (await MongoDBMigrations(adapter).upgrade()).pending == ()


async def test_the_lock_of_a_killed_process_expires(adapter: MongoDBAdapter) -> None:
    killed = migration_lease(adapter.connection.database, seconds=0.3)
    lease = await killed.__aenter__()

    with pytest.raises(MigrationsLocked):
        await MongoDBMigrations(adapter).upgrade()
    await asyncio.sleep(0.5)
    assert (await MongoDBMigrations(adapter).upgrade()).pending == ()

    async with migration_lease(adapter.connection.database):
        with pytest.raises(MigrationsLocked, match="ran out"):
            await lease.renew()


async def test_a_step_that_fails_is_taken_again(adapter: MongoDBAdapter) -> None:
    async def fail(site: Site) -> None:
        raise RejectedError("not this time")

    steps = (*STEPS, Step("0003", "fails", fail, fail))
    with pytest.raises(RejectedError, match="not this time"):
        await MongoDBMigrations(adapter, steps).upgrade()

    assert (await MongoDBMigrations(adapter, steps).status()).pending == ("0003",)


async def test_a_database_of_a_newer_version_is_left_alone(adapter: MongoDBAdapter) -> None:
    async def nothing(site: Site) -> None: ...

    await MongoDBMigrations(adapter, (*STEPS, Step("0009", "newer", nothing, nothing))).upgrade()

    found = await MongoDBMigrations(adapter).upgrade()

    assert (found.current, found.head, found.pending) == ("0009", "0002", ())


async def test_one_front_migrates_both_sides(adapter: MongoDBAdapter, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/metadata.sqlite"

    before = await migration_status(url, adapter)
    assert all(side.current is None for side in before.values())

    done = await apply_migrations(url, adapter)
    assert {name: side.pending for name, side in done.items()} == {"metadata": (), "mongodb": ()}

    back = await rollback_migrations(url, adapter, target_version="mongodb/0001")
    assert (back["mongodb"].current, back["metadata"].pending) == ("0001", ())

    gone = await rollback_migrations(url, adapter, target_version="base")
    assert (gone["mongodb"].current, gone["metadata"].current) == ("0001", None)

    again = await apply_migrations(url, adapter, "mongodb/0002")
    assert (again["mongodb"].current, again["metadata"].current) == ("0002", None)
    with pytest.raises(RejectedError, match="not the store"):
        await apply_migrations(url, None, "mongodb/0001")
