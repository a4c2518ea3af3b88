"""What the observer hears of statements: how long, of which shape, and never a value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from storage import OperatorError, UnavailableError
from storage.adapters.sql import SQLiteAdapter
from storage.adapters.sql.database import PAGE, MarketDatabase
from storage.metadata import MetadataDatabase
from storage.migrations import upgrade
from storage.repositories.catalog import CatalogRepository
from storage.sql.monitoring import shape_of
from tests.contracts.records import T0, candle, trade, trades
from tests.contracts.rows import dataset
from tests.contracts.writing import LAST_DAY, put


class Heard:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, str, str]] = []
        self.shapes: list[str] = []
        self.waits: list[float] = []

    def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
        assert seconds >= 0
        self.operations.append((system, operation, error))
        self.shapes.append(shape)

    def connection_waited(self, system: str, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
async def adapter(tmp_path: Path) -> AsyncIterator[SQLiteAdapter]:
    async with SQLiteAdapter(f"sqlite:///{tmp_path}/market.sqlite") as adapter:
        yield adapter


@pytest.fixture
def heard(adapter: SQLiteAdapter) -> Heard:
    adapter.observer = heard = Heard()
    return heard


async def test_each_statement_is_told_with_its_shape(adapter: SQLiteAdapter, heard: Heard) -> None:
    await put(adapter, *trades(3))
    await adapter.find("trades_BTCUSDT", {"price": Decimal("67123.45")}, sort=[("trade_id", 1)])

    assert {("sqlite", "insert", ""), ("sqlite", "select", "")} <= set(heard.operations)
    assert any(shape.startswith("INSERT INTO trades (_id, symbol, timestamp") for shape in heard.shapes)
    assert any("WHERE trades.symbol = ? AND (trades.price COLLATE" in shape for shape in heard.shapes)
    assert heard.waits


async def test_no_value_is_told(adapter: SQLiteAdapter, heard: Heard) -> None:
    await put(adapter, trade(987654, symbol="CANARY"), trade(987655, symbol="CANARY"))
    await put(adapter, candle(symbol="CANARY"))
    await adapter.find("trades_CANARY", {"_id": {"$in": ["CANARY", "987654"]}}, limit=987)
    await adapter.query_range("trades_CANARY", T0, LAST_DAY, symbol="CANARY")
    await adapter.update("trades_CANARY", {"trade_id": 987654}, {"price": Decimal("987")})
    await adapter.aggregate("trades_CANARY", [{"$match": {"symbol": "CANARY"}}, {"$group": {"_id": "$symbol"}}])
    await adapter.replace("results", [{"_id": "CANARY", "x": "987"}])
    await adapter.delete("trades_CANARY", {"trade_id": 987654})

    assert [shape for shape in heard.shapes if "CANARY" in shape or "987" in shape] == []
    assert max(map(len, heard.shapes)) <= 500


async def test_a_statement_of_many_rows_has_the_shape_of_one_of_two(adapter: SQLiteAdapter, heard: Heard) -> None:
    await put(adapter, *trades(2))
    few = set(heard.shapes)
    heard.shapes.clear()

    await put(adapter, *trades(900, symbol="ETHUSDT"))

    assert set(heard.shapes) <= few


async def test_a_range_is_read_page_by_page_and_holds_no_connection(adapter: SQLiteAdapter, heard: Heard) -> None:
    await put(adapter, *trades(2 * PAGE + 1))
    heard.operations.clear()

    found = aiter(adapter.query_range("trades_BTCUSDT", T0, LAST_DAY))
    assert (await anext(found))["trade_id"] == 0
    assert [operation for _, operation, _ in heard.operations] == ["begin", "select"]
    assert (await adapter.metrics()).pool.in_use == 0

    heard.operations.clear()
    assert len([document async for document in found]) == 2 * PAGE
    assert [operation for _, operation, _ in heard.operations] == ["begin", "select"] * 2


async def test_an_answer_that_nobody_waits_for_any_more_is_told(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n"
    heard = Heard()
    pool = {"pool_size": 1, "max_overflow": 0}
    async with MarketDatabase(f"sqlite:///{tmp_path}/market.sqlite", lambda: heard, pool) as database:
        with pytest.raises(UnavailableError):
            async with database.read(0.1) as connection:
                await connection.execute(text(endless))

    assert heard.operations[-1] == ("sqlite", "with", "UnavailableError")


async def test_a_statement_that_fails_is_told_by_its_class(tmp_path: Path) -> None:
    heard = Heard()
    pool = {"pool_size": 1, "max_overflow": 0}
    async with MarketDatabase(f"sqlite:///{tmp_path}/market.sqlite", lambda: heard, pool) as database:
        with pytest.raises(OperatorError):
            async with database.read() as connection:
                await connection.execute(text("SELECT * FROM nobody"))

    assert heard.operations[-1] == ("sqlite", "select", "OperatorError")


async def test_it_tells_its_pool_its_size_and_its_version(adapter: SQLiteAdapter) -> None:
    metrics = await adapter.metrics()

    assert (metrics.pool.maximum, metrics.pool.waiting, metrics.pool.in_use) == (15, 0, 0)
    assert metrics.data_bytes and metrics.data_bytes > 4096
    assert metrics.server_version.startswith("3.")


async def test_the_metadata_database_tells_the_same(tmp_path: Path) -> None:
    heard = Heard()
    url = f"sqlite:///{tmp_path}/metadata.sqlite"
    await upgrade(url)
    async with MetadataDatabase(url, observer=lambda: heard) as database:
        await CatalogRepository(database).upsert_dataset(dataset(owner="CANARY"))
        assert database.pool.maximum == 15

    assert {("sqlite", "insert", ""), ("sqlite", "select", "")} <= set(heard.operations)
    assert any(shape.startswith("INSERT INTO datasets (dataset_id, name") for shape in heard.shapes)
    assert [shape for shape in heard.shapes if "CANARY" in shape] == []
    assert len(heard.waits) == 2


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        ("SELECT a\nFROM t \nWHERE b = $1::VARCHAR", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a FROM t WHERE b IN (%s, %s, %s) LIMIT %s", "SELECT a FROM t WHERE b IN (?, …) LIMIT ?"),
        (
            "INSERT INTO t (a, b) VALUES ($1::VARCHAR(64), $2::NUMERIC), ($3::VARCHAR(64), $4::NUMERIC) RETURNING a",
            "INSERT INTO t (a, b) VALUES (?, …) RETURNING a",
        ),
    ],
)
def test_a_shape_has_one_placeholder_for_any_number_of_values(statement: str, shape: str) -> None:
    assert shape_of(statement) == shape
