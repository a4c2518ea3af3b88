"""A registration that is cut off between the two stores is whole after the next start."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config import Settings, load
from storage import DatabaseManager
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.metadata import MetadataDatabase
from storage.migrations import upgrade
from storage.registration import Registration
from storage.repositories.catalog import CatalogRepository
from tests.integration.mongodb import client_of, forget

pytestmark = [pytest.mark.server("mongodb"), pytest.mark.server("mariadb")]


@pytest.fixture
async def settings(
    mariadb_database: str, mongodb_uri: str, unique_name: str, tmp_path: Path
) -> AsyncIterator[Settings]:
    await upgrade(mariadb_database)
    yield load(
        {
            "METADATA_URL": mariadb_database,
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DB": unique_name,
            "MARKET": "spot",
            "LOCAL_PATH": str(tmp_path),
        }
    )
    async with client_of(mongodb_uri) as client:
        await forget(client, unique_name)


def mongodb(settings: Settings) -> BaseAdapter:
    return get_adapter("mongodb", settings.mongodb_uri.get_secret_value(), database=settings.mongodb.database)


async def datasets(settings: Settings) -> list[str]:
    async with MetadataDatabase(settings.metadata_url.get_secret_value()) as database:
        return [each.dataset_id for each in await CatalogRepository(database).get_all_datasets()]


async def collections(settings: Settings) -> list[str]:
    async with mongodb(settings) as store:
        return await store.list_collections()


async def die_between(settings: Settings) -> None:
    """Run the child that registers `trades_BTCUSDT` and is killed when the collection is made."""
    urls = (settings.metadata_url.get_secret_value(), settings.mongodb_uri.get_secret_value())
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.registration_child", *urls, settings.mongodb.database
    )
    assert await child.wait() == -signal.SIGKILL


async def test_a_registration_ends_in_both(settings: Settings) -> None:
    async with MetadataDatabase(settings.metadata_url.get_secret_value()) as database, mongodb(settings) as store:
        registration = Registration(store, CatalogRepository(database), market="spot", storage_type="mongodb")
        await registration.register("trades_BTCUSDT")
        await registration.register("trades_BTCUSDT")
        assert await registration.reconcile() == []

    assert await collections(settings) == ["trades_BTCUSDT"]
    assert await datasets(settings) == ["spot.trades_BTCUSDT"]


async def test_a_process_that_is_killed_between_the_two_is_repaired_at_the_next_start(settings: Settings) -> None:
    await die_between(settings)
    assert await collections(settings) == ["trades_BTCUSDT"]
    assert await datasets(settings) == []

    async with DatabaseManager(settings):
        for _ in range(200):
            if await datasets(settings):
                break
            await asyncio.sleep(0.05)

    assert await datasets(settings) == ["spot.trades_BTCUSDT"]
