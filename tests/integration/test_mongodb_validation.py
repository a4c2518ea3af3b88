"""What the server itself refuses: the record that breaks the schema, and never its neighbours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import WriteError

from storage import TABLES, Outcome, Reason, Record, RejectedError
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.validators import Validation, validator_of
from storage.outcomes import STORED
from storage.tables import TRADES
from tests.contracts.records import BARE, FULL, candle, trade
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
    async with MongoDBAdapter(mongodb_uri, unique_name, validation="strict") as adapter:
        yield adapter


async def options_of(client: Client, database: str, collection: str = "trades_BTCUSDT") -> Mapping[str, Any]:
    found = [each async for each in await client[database].list_collections(filter={"name": collection})]
    options: Mapping[str, Any] = found[0].get("options", {})
    return options


async def stricter(client: Client, database: str, collection: str, **rules: Any) -> None:
    """Make somebody's own validator stand on a collection."""
    validator = {"$jsonSchema": {"properties": rules}}
    await client[database].command({"collMod": collection, "validator": validator, "validationLevel": "strict"})


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
async def test_every_record_of_ours_passes(adapter: MongoDBAdapter, kind: str, samples: Mapping[str, Record]) -> None:
    assert await put(adapter, samples[kind]) == [STORED]


async def test_what_is_updated_passes_too(adapter: MongoDBAdapter) -> None:
    await put(adapter, candle(trades_count=10))

    assert await adapter.update("candles_BTCUSDT_1m", {}, {"trades_count": 11, "volume": Decimal(5)}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"price": 1.5},
        {"price": "1.5"},
        {"trade_id": 5},
        {"timestamp": "2024-05-17"},
        {"is_buyer_maker": 1},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_the_server_refuses_what_others_write(
    adapter: MongoDBAdapter, client: Client, unique_name: str, change: dict[str, Any]
) -> None:
    await put(adapter, trade())

    with pytest.raises(WriteError, match="validation"):
        await client[unique_name]["trades_BTCUSDT"].update_one({}, {"$set": change})


async def test_a_record_that_breaks_a_rule_is_rejected_and_its_neighbours_are_stored(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    await put(adapter, trade(0))
    await stricter(client, unique_name, "trades_BTCUSDT", price={"bsonType": "decimal", "minimum": 0})

    first, broken, last = await put(adapter, trade(1), trade(2, price=Decimal(-1)), trade(3))

    assert (first, last) == (STORED, STORED)
    assert (broken.outcome, broken.reason) == (Outcome.REJECTED, Reason.SCHEMA)
    assert "price: minimum 0" in broken.error
    assert [document["trade_id"] for document in await stored(adapter, trade())] == [0, 1, 3]


async def test_a_version_that_breaks_a_rule_is_rejected_alone(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    await put(adapter, candle(symbol="BTCUSDT"))
    await stricter(client, unique_name, "candles_BTCUSDT_1m", close={"bsonType": "decimal", "minimum": 0})

    with pytest.raises(RejectedError, match="close: minimum 0"):
        await adapter.write([candle(trades_count=99, close=Decimal(-1))], "candles_BTCUSDT_1m")
    with pytest.raises(RejectedError, match="close: minimum 0"):
        await adapter.update("candles_BTCUSDT_1m", {}, {"close": Decimal(-1)})


@pytest.mark.parametrize("validation", ["moderate", "strict"])
async def test_new_collections_are_made_with_the_schema(
    client: Client, mongodb_uri: str, unique_name: str, validation: Validation
) -> None:
    async with MongoDBAdapter(mongodb_uri, unique_name, validation=validation) as adapter:
        await put(adapter, trade())

    options = await options_of(client, unique_name)
    assert (options["validator"], options["validationLevel"]) == (validator_of(TRADES), validation)


async def test_collections_that_are_there_follow_the_setting(
    client: Client, mongodb_uri: str, unique_name: str
) -> None:
    levels: list[Any] = []
    settings: list[Validation] = ["off", "strict", "moderate", "off"]
    for id, validation in enumerate(settings):
        async with MongoDBAdapter(mongodb_uri, unique_name, validation=validation) as adapter:
            await put(adapter, trade(id))
        options = await options_of(client, unique_name)
        levels.append(options.get("validationLevel") if options.get("validator") else None)

    assert levels == [None, "strict", "moderate", None]


@pytest.mark.parametrize("validation", ["off", "strict"])
async def test_a_validator_of_somebody_else_stays(
    client: Client, mongodb_uri: str, unique_name: str, validation: Validation
) -> None:
    await client[unique_name].create_collection("trades_BTCUSDT")
    await stricter(client, unique_name, "trades_BTCUSDT", price={"bsonType": "decimal"})
    before = await options_of(client, unique_name)

    async with MongoDBAdapter(mongodb_uri, unique_name, validation=validation) as adapter:
        await put(adapter, trade())

    assert await options_of(client, unique_name) == before
