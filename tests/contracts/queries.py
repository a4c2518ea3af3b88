"""What every adapter answers about the documents that it holds."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import RejectedError, UnavailableError
from storage.adapters.base import BaseAdapter
from storage.outcomes import DUPLICATE
from tests.contracts.records import FULL, MS, T0, candle, trade, trades
from tests.contracts.writing import FIRST_DAY, LAST_DAY, put, stored

NAIVE = T0.replace(tzinfo=None)


class QueryContract:
    """Ranges include their start and exclude their end; the answers are in the order of time."""

    async def test_a_range_has_its_start_and_not_its_end(self, adapter: BaseAdapter) -> None:
        await put(adapter, *reversed(trades(10)))

        found = await adapter.query_range("trades_BTCUSDT", T0 + 2 * MS, T0 + 5 * MS)

        assert [document["trade_id"] for document in found] == [2, 3, 4]

    async def test_a_range_streams_and_may_be_left_early(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(10))

        async for document in adapter.query_range("trades_BTCUSDT", T0, LAST_DAY):
            assert document["trade_id"] == 0
            break

    async def test_a_range_of_one_symbol_leaves_out_the_others(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(1, symbol="AAA"), trade(3, symbol="AAA"))
        await put(adapter, trade(2, symbol="BBB"))

        found = await adapter.query_range("trades_AAA", FIRST_DAY, LAST_DAY, symbol="AAA")

        assert sorted(document["trade_id"] for document in found) == [1, 3]
        assert await adapter.query_range("trades_AAA", FIRST_DAY, LAST_DAY, symbol="BBB") == []
        assert await adapter.get_record_count("trades_AAA", symbol="BBB") == 0
        assert await adapter.query_latest("trades_AAA", symbol="BBB") == []
        assert await adapter.delete_range("trades_AAA", FIRST_DAY, LAST_DAY, symbol="BBB") == 0

    async def test_a_symbol_is_a_value_and_never_an_operator(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())

        assert await adapter.query_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY, symbol="$ne") == []

    async def test_times_before_1970_are_in_order_too(self, adapter: BaseAdapter) -> None:
        old = datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=T0.tzinfo)
        await put(adapter, trade(1, timestamp=old), trade(2, timestamp=T0))

        found = await adapter.query_range("trades_BTCUSDT", FIRST_DAY, T0)

        assert [document["timestamp"] for document in found] == [old]

    async def test_a_collection_that_is_not_there_is_empty(self, adapter: BaseAdapter) -> None:
        assert await adapter.query_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY) == []
        assert await adapter.query_latest("trades_BTCUSDT") == []
        assert await adapter.get_record_count("trades_BTCUSDT") == 0
        assert await adapter.delete_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY) == 0
        assert await adapter.list_collections() == []

    @pytest.mark.parametrize(
        ("start", "end"),
        [(T0, T0), (T0 + MS, T0), (NAIVE, T0), (T0, NAIVE)],
        ids=["empty", "backwards", "naive start", "naive end"],
    )
    async def test_a_range_that_makes_no_sense_is_refused_at_the_call(
        self, adapter: BaseAdapter, start: datetime, end: datetime
    ) -> None:
        with pytest.raises(RejectedError):
            adapter.query_range("trades_BTCUSDT", start, end)
        with pytest.raises(RejectedError):
            await adapter.get_record_count("trades_BTCUSDT", start, end)
        with pytest.raises(RejectedError):
            await adapter.delete_range("trades_BTCUSDT", start, end)

    async def test_a_name_that_holds_no_market_data_is_refused(self, adapter: BaseAdapter) -> None:
        for name in ("dead_letters", "system.users", "candles_BTCUSDT", "trades_", "$cmd", ""):
            with pytest.raises(RejectedError):
                adapter.query_range(name, FIRST_DAY, LAST_DAY)
            with pytest.raises(RejectedError):
                await adapter.query_latest(name)
            with pytest.raises(RejectedError):
                await adapter.get_record_count(name)
            with pytest.raises(RejectedError):
                await adapter.delete_range(name, FIRST_DAY, LAST_DAY)
            with pytest.raises(RejectedError):
                await adapter.ensure_indexes(name)

    async def test_the_latest_come_newest_first(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(10))

        assert [document["trade_id"] for document in await adapter.query_latest("trades_BTCUSDT")] == [9]
        assert [document["trade_id"] for document in await adapter.query_latest("trades_BTCUSDT", limit=3)] == [9, 8, 7]

    async def test_a_limit_below_one_is_refused(self, adapter: BaseAdapter) -> None:
        with pytest.raises(RejectedError):
            await adapter.query_latest("trades_BTCUSDT", limit=0)

    async def test_a_count_takes_open_ranges(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(10))

        assert await adapter.get_record_count("trades_BTCUSDT") == 10
        assert await adapter.get_record_count("trades_BTCUSDT", T0 + 4 * MS) == 6
        assert await adapter.get_record_count("trades_BTCUSDT", end=T0 + 4 * MS) == 4
        assert await adapter.get_record_count("trades_BTCUSDT", T0 + 1 * MS, T0 + 4 * MS) == 3

    async def test_a_deleted_range_is_gone_and_the_rest_stays(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(10))

        assert await adapter.delete_range("trades_BTCUSDT", T0 + 2 * MS, T0 + 8 * MS) == 6
        assert [document["trade_id"] for document in await stored(adapter, trade())] == [0, 1, 8, 9]
        assert await adapter.delete_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY, symbol="OTHER") == 0

    async def test_a_deleted_record_may_be_stored_again(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())
        await adapter.delete_range("trades_BTCUSDT", T0, T0 + MS)

        assert await adapter.write([trade()], "trades_BTCUSDT") == 1

    async def test_indexes_may_be_ensured_at_any_time(self, adapter: BaseAdapter) -> None:
        await adapter.ensure_indexes("trades_BTCUSDT")
        await put(adapter, trade())
        await adapter.ensure_indexes("trades_BTCUSDT")

        assert len(await stored(adapter, trade())) == 1

    async def test_collections_are_listed_by_name(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(symbol="ETHUSDT"))
        await put(adapter, trade(symbol="1000PEPE_USDT-PERP"))
        await put(adapter, candle())
        await put(adapter, FULL["book_tickers"])

        assert await adapter.list_collections() == [
            "book_tickers_BTCUSDT",
            "candles_BTCUSDT_1m",
            "trades_1000PEPE_USDT-PERP",
            "trades_ETHUSDT",
        ]

    async def test_what_is_stored_outlives_the_connection(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())

        await adapter.disconnect()
        await adapter.disconnect()
        await adapter.connect()

        assert await put(adapter, trade()) == [DUPLICATE]
        assert len(await stored(adapter, trade())) == 1

    async def test_a_store_that_was_let_go_of_is_unavailable(self, adapter: BaseAdapter) -> None:
        await adapter.ping()
        await adapter.disconnect()

        with pytest.raises(UnavailableError):
            await adapter.ping()
        with pytest.raises(UnavailableError):
            await put(adapter, trade())
        with pytest.raises(UnavailableError):
            await adapter.query_range("trades_BTCUSDT", T0, T0 + timedelta(days=1))
        with pytest.raises(UnavailableError):
            await adapter.query_latest("trades_BTCUSDT")
