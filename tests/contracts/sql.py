"""What is the same on all SQL databases, beside the contract of every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from storage import Reason
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.adapters.sql.schema import market
from storage.outcomes import STORED
from storage.sql import SqlDatabase
from storage.tables import CANDLES, TRADES
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.contracts.records import SNAPSHOT, candle, trade
from tests.contracts.writing import FIRST_DAY, LAST_DAY, put


@asynccontextmanager
async def emptied(type: str, url: str) -> AsyncIterator[BaseAdapter]:
    """An adapter, connected, and in the end empty tables: servers take their time to make new ones."""
    async with get_adapter(type, url, max_collections=MAX_COLLECTIONS) as adapter:
        yield adapter
    async with SqlDatabase(url) as database, database.write() as connection:
        for table in market.sorted_tables:
            await connection.execute(sa.delete(table))


class SQLContract(AdapterContract):
    """One table holds all collections of a kind, by the symbol and timeframe of its rows."""

    async def test_a_range_of_one_symbol_leaves_out_the_others(self, adapter: BaseAdapter) -> None:
        """Instead of the test of that name: here a collection holds one symbol, and says so."""
        mine, other = await adapter.put(TRADES, "trades_AAA", [trade(1, symbol="AAA"), trade(2, symbol="BBB")])

        assert mine == STORED
        assert other.reason is Reason.NOT_STORABLE and "trades_BBB" in other.error
        assert len(await adapter.query_range("trades_AAA", FIRST_DAY, LAST_DAY, symbol="AAA")) == 1
        assert await adapter.query_range("trades_AAA", FIRST_DAY, LAST_DAY, symbol="BBB") == []
        assert await adapter.get_record_count("trades_AAA", symbol="BBB") == 0

    async def test_a_candle_of_another_timeframe_is_rejected(self, adapter: BaseAdapter) -> None:
        (result,) = await adapter.put(CANDLES, "candles_BTCUSDT_1M", [candle(timeframe="1m")])

        assert result.reason is Reason.NOT_STORABLE and "candles_BTCUSDT_1m" in result.error

    async def test_a_word_that_a_record_does_not_promise_is_rejected_alone(self, adapter: BaseAdapter) -> None:
        odd: Any = {"kind": "other", "last_update_id": 7}

        good, bad = await put(adapter, SNAPSHOT, replace(SNAPSHOT, **odd))

        assert good == STORED
        assert bad.reason is Reason.SCHEMA and "diff, snapshot" in bad.error
