"""Indexes and retention on a MongoDB server: what differs is changed and told of, never silently kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from storage.adapters.base import IndexChange
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.collections import Layout
from storage.outcomes import STORED
from storage.retention import expire
from storage.times import utc_now
from tests.contracts.records import candle, trade
from tests.contracts.writing import put, stored
from tests.integration.mongodb import client_of, forget

pytestmark = pytest.mark.server("mongodb")

Client = AsyncMongoClient[dict[str, Any]]
DAY = timedelta(days=1)
TTL = {"expireAfterSeconds": 86_400}


@pytest.fixture
async def client(mongodb_uri: str, unique_name: str) -> AsyncIterator[Client]:
    async with client_of(mongodb_uri) as client:
        yield client
        await forget(client, unique_name)


async def options_of(client: Client, database: str, collection: str = "trades_BTCUSDT") -> Mapping[str, Any]:
    """The options of the index on time."""
    found = (await client[database][collection].index_information())["timestamp_1"]
    return {name: value for name, value in found.items() if name not in ("v", "key")}


async def test_a_kind_with_a_retention_has_an_index_that_forgets(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, retention={"trades": DAY}) as adapter:
        await put(adapter, trade(timestamp=utc_now()))
        await put(adapter, candle())

        assert adapter.index_changes == []

    assert await options_of(client, unique_name) == TTL
    assert await options_of(client, unique_name, "candles_BTCUSDT_1m") == {}


@pytest.mark.parametrize(
    ("before", "after", "was", "now"),
    [
        (DAY, DAY, None, TTL),
        (DAY / 2, DAY, {"expireAfterSeconds": 43_200}, TTL),
        (None, DAY, {}, TTL),
        (DAY, None, TTL, {}),
    ],
    ids=["the same", "longer", "set", "unset"],
)
async def test_a_changed_retention_changes_the_index(
    client: Client,
    mongodb_uri: str,
    unique_name: str,
    before: timedelta | None,
    after: timedelta | None,
    was: Mapping[str, Any] | None,
    now: Mapping[str, Any],
) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, retention={"trades": before} if before else {}) as adapter:
        await put(adapter, trade(timestamp=utc_now()))

    async with MongoDBAdapter(mongodb_uri, unique_name, retention={"trades": after} if after else {}) as adapter:
        await adapter.retain("trades_BTCUSDT")
        await adapter.retain("trades_BTCUSDT")

        changes = [] if was is None else [IndexChange("trades_BTCUSDT", "timestamp_1", was, now)]
        assert adapter.index_changes == changes
        assert len(await stored(adapter, trade())) == 1
    assert await options_of(client, unique_name) == now


@pytest.mark.parametrize("options", [{"unique": True}, {"sparse": True, "name": "by_hand"}], ids=str)
async def test_an_index_with_other_options_is_made_again(
    client: Client, mongodb_uri: str, unique_name: str, options: dict[str, Any]
) -> None:
    await client[unique_name]["trades_BTCUSDT"].create_index("timestamp", **options)

    async with MongoDBAdapter(mongodb_uri, unique_name) as adapter:
        assert await put(adapter, trade(1), trade(2)) == [STORED, STORED]

        was = {name: value for name, value in options.items() if name != "name"}
        assert [(change.was, change.now) for change in adapter.index_changes] == [(was, {})]
    assert await options_of(client, unique_name) == {}


async def test_indexes_of_somebody_else_stay(client: Client, mongodb_uri: str, unique_name: str) -> None:
    collection = client[unique_name]["trades_BTCUSDT"]
    await collection.create_index([("price", -1)], sparse=True)
    await collection.create_index([("symbol", "text")])

    async with MongoDBAdapter(mongodb_uri, unique_name) as adapter:
        await put(adapter, trade())

        assert adapter.index_changes == []
    assert {"price_-1", "symbol_text", "timestamp_1"} <= set(await collection.index_information())


async def test_pods_that_change_an_index_at_once_agree(client: Client, mongodb_uri: str, unique_name: str) -> None:
    await client[unique_name]["trades_BTCUSDT"].create_index("timestamp", unique=True)
    pods = [MongoDBAdapter(mongodb_uri, unique_name, retention={"trades": DAY}) for _ in range(4)]
    for pod in pods:
        await pod.connect()

    await asyncio.gather(*(pod.retain("trades_BTCUSDT") for pod in pods))

    for pod in pods:
        await pod.disconnect()
    assert await options_of(client, unique_name) == TTL


@pytest.mark.parametrize("layout", ["indexed", "clustered"])
async def test_what_is_too_old_leaves_in_both_layouts(mongodb_uri: str, unique_name: str, layout: Layout) -> None:
    now, retention = utc_now(), {"trades": DAY}
    async with MongoDBAdapter(mongodb_uri, unique_name, layout=layout, retention=retention) as adapter:
        ages = [timedelta(hours=hours) for hours in (60, 50, 40, 30, 25, 23, 1)]
        await put(adapter, *(trade(id, timestamp=now - age) for id, age in enumerate(ages)))

        await expire(adapter, retention, now)

        assert [document["trade_id"] for document in await stored(adapter, trade())] == [5, 6]


async def test_a_clustered_collection_has_no_index_that_forgets(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, layout="clustered", retention={"trades": DAY}) as adapter:
        await put(adapter, trade())

    assert await options_of(client, unique_name) == {}
