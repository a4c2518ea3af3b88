"""What stands on a MongoDB server after an adapter wrote to it, and what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from storage import Reason
from storage.adapters.mongodb import MongoDBAdapter
from storage.outcomes import DUPLICATE, STORED
from tests.contracts.letters import letter, letters
from tests.contracts.records import FULL, SNAPSHOT, trade, trades
from tests.contracts.writing import put
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
    async with MongoDBAdapter(mongodb_uri, unique_name) as adapter:
        yield adapter


async def indexes(client: Client, database: str, collection: str) -> set[str]:
    return set(await client[database][collection].index_information())


async def test_values_have_their_types_on_the_server(adapter: MongoDBAdapter, client: Client, unique_name: str) -> None:
    await put(adapter, trade(1))
    await put(adapter, SNAPSHOT)

    types = {"_id": "string", "trade_id": "long", "price": "decimal", "timestamp": "date", "is_buyer_maker": "bool"}
    where = {name: {"$type": type} for name, type in types.items()}
    assert await client[unique_name]["trades_BTCUSDT"].count_documents(where) == 1
    assert await client[unique_name]["depth_BTCUSDT"].count_documents({"bids.0.0": {"$type": "decimal"}}) == 1


async def test_new_collections_have_an_index_on_time(adapter: MongoDBAdapter, client: Client, unique_name: str) -> None:
    await put(adapter, trade())

    assert await indexes(client, unique_name, "trades_BTCUSDT") == {"_id_", "timestamp_1"}

    await adapter.ensure_indexes("trades_BTCUSDT")

    assert await indexes(client, unique_name, "trades_BTCUSDT") == {"_id_", "timestamp_1", "symbol_1_timestamp_1"}


async def test_the_clustered_layout_is_stored_in_the_order_of_ids(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, layout="clustered") as adapter:
        await put(adapter, trade())

    (found,) = [each async for each in await client[unique_name].list_collections()]
    assert found["options"]["clusteredIndex"]["key"] == {"_id": 1}
    assert "timestamp_1" in await indexes(client, unique_name, "trades_BTCUSDT")


async def test_a_changed_layout_leaves_the_collections_that_are_there(mongodb_uri: str, unique_name: str) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, layout="clustered") as adapter:
        await put(adapter, trade(1))
    async with MongoDBAdapter(mongodb_uri, unique_name, layout="indexed") as adapter:
        assert await put(adapter, trade(1), trade(2)) == [DUPLICATE, STORED]


async def test_a_clustered_collection_is_not_scanned_for_duplicates(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    batch = trades(3000)
    async with MongoDBAdapter(mongodb_uri, unique_name, layout="clustered") as adapter:
        await put(adapter, *batch)
        await client[unique_name].command({"profile": 2})

        assert await put(adapter, *batch[:10]) == [DUPLICATE] * 10

    (asked,) = [each async for each in client[unique_name]["system.profile"].find({"command.aggregate": 1})]
    assert asked["docsExamined"] <= 20


async def test_an_index_that_a_killed_process_left_out_is_made(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    await client[unique_name].create_collection("trades_BTCUSDT")

    await put(adapter, trade())

    assert "timestamp_1" in await indexes(client, unique_name, "trades_BTCUSDT")


async def test_pods_that_make_the_same_collections_at_once_agree(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    async with (
        MongoDBAdapter(mongodb_uri, unique_name) as one,
        MongoDBAdapter(mongodb_uri, unique_name, layout="clustered") as other,
    ):
        writes = [put(adapter, trade(symbol=f"S{number}")) for number in range(8) for adapter in (one, other)]
        results = [result for (result,) in await asyncio.gather(*writes)]

        assert sorted(results, key=str) == [DUPLICATE] * 8 + [STORED] * 8
        assert len(await one.list_collections()) == 8


async def test_the_limit_counts_what_other_pods_made(mongodb_uri: str, unique_name: str) -> None:
    async with (
        MongoDBAdapter(mongodb_uri, unique_name, max_collections=2) as one,
        MongoDBAdapter(mongodb_uri, unique_name, max_collections=2) as other,
    ):
        await put(one, trade(symbol="AAA"))
        await put(one, trade(symbol="BBB"))

        (beyond,) = await put(other, trade(symbol="CCC"))

        assert beyond.reason is Reason.SYMBOL_LIMIT
        assert await put(other, trade(2, symbol="BBB")) == [STORED]


async def test_durability_is_forced_whatever_the_connection_string_says(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    weak = f"{mongodb_uri}&w=1&journal=false&readPreference=secondaryPreferred&readConcernLevel=local"
    async with MongoDBAdapter(weak, unique_name) as adapter:
        await client[unique_name].command({"profile": 2})
        await put(adapter, trade())
        await put(adapter, trade())
        await adapter.dead_letters.put([letter()])
        await letters(adapter)

    profile = [each["command"] async for each in client[unique_name]["system.profile"].find({"appName": "tapestore"})]
    writes = [command["writeConcern"] for command in profile if "insert" in command]
    reads = [command["readConcern"] for command in profile if "find" in command]
    assert writes == [{"w": "majority", "j": True, "wtimeout": 8000}] * 2
    assert [concern["level"] for concern in reads] == ["majority"] * 2


async def test_parts_of_a_large_letter_go_with_it(adapter: MongoDBAdapter, client: Client, unique_name: str) -> None:
    large = letter(data=bytes(17 * 1024 * 1024), headers={"large": "x" * 1024})
    await adapter.dead_letters.put([large])
    assert await client[unique_name]["dead_letters_parts"].count_documents({}) == 2

    await adapter.dead_letters.delete([large.id])

    assert await client[unique_name]["dead_letters_parts"].count_documents({}) == 0


async def test_a_letter_with_broken_text_is_kept(adapter: MongoDBAdapter) -> None:
    await adapter.dead_letters.put([letter(subject="\ud800", headers={"a\0.$": "\udfff"}, error="\ud800")])

    (found,) = await letters(adapter)

    assert (found.subject, found.headers, found.error) == ("\\ud800", {"a\0.$": "\\udfff"}, "\\ud800")


async def test_documents_hold_what_the_design_says(adapter: MongoDBAdapter, client: Client, unique_name: str) -> None:
    await put(adapter, FULL["trades"])

    document = await client[unique_name]["trades_BTCUSDT"].find_one({})

    assert document is not None
    assert list(document) == [
        *("_id", "symbol", "timestamp", "trade_id", "price", "quantity", "is_buyer_maker", "event_time")
    ]
    assert document["_id"] == "BTCUSDT_1715947200001_9223372036854775807"
