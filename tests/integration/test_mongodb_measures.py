"""What a MongoDB adapter says of its pool, its commands and the server, and what it never says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from storage import OperatorError
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.connection import Driver
from storage.adapters.mongodb.options import ClientOptions
from tests.contracts.records import FULL, T0, candle, trade, trades
from tests.contracts.writing import LAST_DAY, put
from tests.integration.mongodb import client_of, failing, forget

pytestmark = pytest.mark.server("mongodb")


class Notes:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, str, str]] = []
        self.waits: list[float] = []
        self.seconds = 0.0

    def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
        self.ended.append((system, operation, shape, error))
        self.seconds += seconds

    def connection_waited(self, system: str, seconds: float) -> None:
        self.waits.append(seconds)

    def shapes(self, operation: str) -> list[str]:
        return [shape for _, name, shape, _ in self.ended if name == operation]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture(params=["pymongo", "motor"])
def driver(request: pytest.FixtureRequest) -> Driver:
    name: Driver = request.param
    return name


@pytest.fixture
async def adapter(mongodb_uri: str, unique_name: str, notes: Notes, driver: Driver) -> AsyncIterator[MongoDBAdapter]:
    small = ClientOptions(max_pool_size=3)
    async with MongoDBAdapter(mongodb_uri, unique_name, client=small, driver=driver) as adapter:
        adapter.observer = notes
        yield adapter
    async with client_of(mongodb_uri) as client:
        await forget(client, unique_name)


async def test_it_tells_of_the_pool_the_size_and_the_server(adapter: MongoDBAdapter) -> None:
    await put(adapter, *trades(1000))

    metrics = await adapter.metrics()

    assert metrics.server_version.split(".")[0].isdigit()
    assert metrics.data_bytes is not None and metrics.data_bytes > 0
    assert metrics.pool.maximum == 3
    assert metrics.pool.in_use == metrics.pool.waiting == 0
    assert 1 <= (metrics.pool.size or 0) <= 3


async def test_a_hundred_questions_at_once_wait_for_three_connections(adapter: MongoDBAdapter, notes: Notes) -> None:
    await put(adapter, *trades(200))
    notes.waits.clear()

    counts = await asyncio.gather(*(adapter.get_record_count("trades_BTCUSDT") for _ in range(100)))

    assert counts == [200] * 100
    assert len(notes.waits) >= 100
    assert max(notes.waits) > 0
    pool = (await adapter.metrics()).pool
    assert (pool.size, pool.in_use, pool.waiting) == (3, 0, 0)


async def test_commands_are_told_by_their_shape_and_never_by_their_values(
    adapter: MongoDBAdapter, notes: Notes
) -> None:
    secret = "SECRET77"
    await put(adapter, trade(77_777, symbol=secret))
    await put(adapter, trade(77_777, symbol=secret))
    await put(adapter, candle())
    await adapter.query_range(f"trades_{secret}", T0, LAST_DAY, symbol=secret)
    await adapter.find("trades_BTCUSDT", {"_id": {"$in": [secret, "77777"]}}, sort=[("timestamp", 1)])
    await adapter.delete("trades_BTCUSDT", {"symbol": secret})
    await adapter.replace("results", [{"_id": secret, "value": 77_777}])
    await adapter.metrics()  # what Motor's threads told has arrived then

    assert notes.shapes("insert") == [f"insert trades_{secret}"] * 2
    where = "filter {symbol: {$eq: ?}, timestamp: {$gte: ?, $lt: ?}}"
    assert f"find trades_{secret} {where} sort {{timestamp: ?}}" in notes.shapes("find")
    assert "{$match: {$and: [{_id: {$in: [?]}}" in notes.shapes("aggregate")[-1]
    without_names = str(notes.ended).replace(f"trades_{secret}", "")
    assert secret not in without_names and "77777" not in without_names
    assert notes.seconds > 0
    assert {system for system, *_ in notes.ended} == {"mongodb"}


async def test_a_failure_is_told_by_its_class(
    adapter: MongoDBAdapter, notes: Notes, mongodb_uri: str, unique_name: str
) -> None:
    await put(adapter, FULL["trades"])
    async with client_of(mongodb_uri) as client:
        async with failing(client, f"{unique_name}.trades_BTCUSDT", ["delete"], errorCode=13):
            with pytest.raises(OperatorError):
                await adapter.delete("trades_BTCUSDT", {})
    await adapter.metrics()

    assert [error for _, operation, _, error in notes.ended if operation == "delete"] == ["OperatorError"]
