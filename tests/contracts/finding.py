"""What every adapter finds: the same documents for the same filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from storage import RejectedError, UnavailableError, UnsupportedQuery
from storage.adapters.base import BaseAdapter
from storage.tables import CANDLES, DEPTH, TABLES, TRADES
from tests.contracts.records import FULL, MAX_INT, MS, SMALLEST, SNAPSHOT, T0, candle, funding, trade, trades
from tests.contracts.writing import put

TRADES_OF_FIVE = [
    trade(1, timestamp=T0, price=Decimal("1.5"), is_buyer_maker=True, event_time=None),
    trade(2, timestamp=T0 + MS, price=Decimal("-2"), event_time=T0),
    trade(3, timestamp=T0 + 2 * MS, price=Decimal("10.000000000000000001"), event_time=T0 + MS),
    trade(4, timestamp=T0 + 3 * MS, price=Decimal("10"), event_time=None, is_buyer_maker=True),
    trade(5, timestamp=T0 + 4 * MS, price=Decimal("9.999999999999999999"), event_time=T0 + 2 * MS),
]

FINDS: Sequence[tuple[Mapping[str, Any] | None, list[int]]] = [
    (None, [1, 2, 3, 4, 5]),
    ({}, [1, 2, 3, 4, 5]),
    ({"trade_id": 3}, [3]),
    ({"trade_id": {"$eq": 3}}, [3]),
    ({"trade_id": {"$ne": 3}}, [1, 2, 4, 5]),
    ({"trade_id": {"$gt": 3}}, [4, 5]),
    ({"trade_id": {"$gte": 3}}, [3, 4, 5]),
    ({"trade_id": {"$lt": 3}}, [1, 2]),
    ({"trade_id": {"$lte": 3}}, [1, 2, 3]),
    ({"trade_id": {"$gt": 1, "$lt": 4}}, [2, 3]),
    ({"trade_id": {"$in": [5, 1, 7]}}, [1, 5]),
    ({"trade_id": {"$in": []}}, []),
    ({"trade_id": {"$nin": [5, 1, 7]}}, [2, 3, 4]),
    ({"trade_id": {"$nin": []}}, [1, 2, 3, 4, 5]),
    ({"trade_id": MAX_INT}, []),
    ({"trade_id": {"$lt": MAX_INT}}, [1, 2, 3, 4, 5]),
    ({"price": Decimal("10.00")}, [4]),
    ({"price": 10}, [4]),
    ({"price": {"$gt": Decimal("10")}}, [3]),
    ({"price": {"$lt": 10}}, [1, 2, 5]),
    ({"price": {"$gte": Decimal("9.999999999999999999"), "$lte": Decimal("10")}}, [4, 5]),
    ({"price": {"$in": [Decimal("1.50"), -2]}}, [1, 2]),
    ({"is_buyer_maker": True}, [1, 4]),
    ({"is_buyer_maker": {"$ne": True}}, [2, 3, 5]),
    ({"is_buyer_maker": {"$in": [False]}}, [2, 3, 5]),
    ({"timestamp": T0 + MS}, [2]),
    ({"timestamp": {"$gt": T0 + MS}}, [3, 4, 5]),
    ({"timestamp": (T0 + MS).astimezone(timezone(timedelta(hours=9)))}, [2]),
    ({"symbol": "BTCUSDT"}, [1, 2, 3, 4, 5]),
    ({"symbol": "btcusdt"}, []),
    ({"symbol": "BTCUSDT "}, []),
    ({"symbol": {"$gt": "BTCUSD"}}, [1, 2, 3, 4, 5]),
    ({"symbol": {"$gt": "a"}}, []),
    ({"_id": TRADES.key(TRADES_OF_FIVE[3])}, [4]),
    ({"_id": {"$ne": TRADES.key(TRADES_OF_FIVE[3])}}, [1, 2, 3, 5]),
    ({"event_time": None}, [1, 4]),
    ({"event_time": {"$ne": None}}, [2, 3, 5]),
    ({"event_time": {"$exists": False}}, [1, 4]),
    ({"event_time": {"$exists": True}}, [2, 3, 5]),
    ({"event_time": {"$ne": T0}}, [1, 3, 4, 5]),
    ({"event_time": {"$gte": T0}}, [2, 3, 5]),
    ({"event_time": {"$lt": T0 + MS}}, [2]),
    ({"event_time": {"$in": [None, T0]}}, [1, 2, 4]),
    ({"event_time": {"$in": [T0]}}, [2]),
    ({"event_time": {"$nin": [None, T0]}}, [3, 5]),
    ({"event_time": {"$nin": [T0]}}, [1, 3, 4, 5]),
    ({"event_time": {"$not": {"$gt": T0}}}, [1, 2, 4]),
    ({"event_time": {"$not": {"$not": {"$gt": T0}}}}, [3, 5]),
    ({"event_time": {"$not": {"$gte": T0, "$lt": T0 + MS}}}, [1, 3, 4, 5]),
    ({"event_time": {"$not": {"$exists": True}}}, [1, 4]),
    ({"trade_id": {"$gt": 1}, "is_buyer_maker": True}, [4]),
    ({"$and": [{"trade_id": {"$gt": 1}}, {"trade_id": {"$lt": 3}}]}, [2]),
    ({"$or": [{"trade_id": 1}, {"event_time": T0 + MS}]}, [1, 3]),
    ({"$or": [{"trade_id": 1}, {"$and": [{"price": 10}, {"is_buyer_maker": True}]}], "event_time": None}, [1, 4]),
    ({"$or": [{"$or": [{"trade_id": 1}]}, {}]}, [1, 2, 3, 4, 5]),
]

REFUSED: Sequence[tuple[Mapping[str, Any], type[Exception]]] = [
    ({"$where": "1"}, UnsupportedQuery),
    ({"$expr": {"$eq": [1, 1]}}, UnsupportedQuery),
    ({"trade_id": {"$regex": "1"}}, UnsupportedQuery),
    ({"trade_id": {"$eq": 1, "$where": "1"}}, UnsupportedQuery),
    ({"trade_id": {"$not": {"$mod": [2, 0]}}}, UnsupportedQuery),
    ({"$not": {"trade_id": 1}}, UnsupportedQuery),
    ({"nobody": 1}, RejectedError),
    ({"trade_id; DROP TABLE trades": 1}, RejectedError),
    ({"symbol": {"$eq": {"$ne": "x"}}}, RejectedError),
    ({"symbol": {"$in": [{"$ne": "x"}]}}, RejectedError),
    ({"symbol": {"name": "x"}}, RejectedError),
    ({"symbol": ["BTCUSDT"]}, RejectedError),
    ({"symbol": 1}, RejectedError),
    ({"symbol": "\ud800"}, RejectedError),
    ({"symbol": "a\0b"}, RejectedError),
    ({"price": 1.5}, RejectedError),
    ({"price": "1.5"}, RejectedError),
    ({"price": True}, RejectedError),
    ({"price": Decimal("NaN")}, RejectedError),
    ({"price": {"$gt": None}}, RejectedError),
    ({"trade_id": True}, RejectedError),
    ({"trade_id": 2**63}, RejectedError),
    ({"trade_id": Decimal(1)}, RejectedError),
    ({"is_buyer_maker": 1}, RejectedError),
    ({"timestamp": T0.replace(tzinfo=None)}, RejectedError),
    ({"timestamp": T0.replace(microsecond=1)}, RejectedError),
    ({"timestamp": "2024-05-17"}, RejectedError),
    ({"trade_id": {"$exists": 1}}, RejectedError),
    ({"trade_id": {"$in": 1}}, RejectedError),
    ({"trade_id": {"$in": list(range(1001))}}, RejectedError),
    ({"trade_id": {}}, RejectedError),
    ({"$or": []}, RejectedError),
    ({"$and": {"trade_id": 1}}, RejectedError),
]


async def ids(adapter: BaseAdapter, filter: Mapping[str, Any] | None, **options: Any) -> list[int]:
    """The trade ids of what is found, sorted unless a sort is given."""
    found = [document["trade_id"] for document in await adapter.find("trades_BTCUSDT", filter, **options)]
    return found if "sort" in options else sorted(found)


class FindingContract:
    """The language of docs/queries.md, on market data."""

    async def test_each_filter_finds_the_documents_that_it_is_true_of(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        wrong = {str(filter): found for filter, expected in FINDS if (found := await ids(adapter, filter)) != expected}

        assert wrong == {}

    @pytest.mark.parametrize(("filter", "error"), REFUSED, ids=[str(filter)[:60] for filter, _ in REFUSED])
    async def test_a_filter_outside_the_language_is_refused_at_the_call(
        self, adapter: BaseAdapter, filter: Mapping[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            adapter.find("trades_BTCUSDT", filter)
        with pytest.raises(error):
            adapter.aggregate("trades_BTCUSDT", [{"$match": filter}])

    @pytest.mark.parametrize("kind", TABLES)
    async def test_found_documents_are_whole_and_exact(self, adapter: BaseAdapter, kind: str) -> None:
        table, record = TABLES[kind], FULL[kind]
        await put(adapter, record)

        assert await adapter.find(table.collection(record)) == [table.to_document(record)]
        for column in (each for each in table.columns if each.name not in ("bids", "asks")):
            assert len(await adapter.find(table.collection(record), {column.name: getattr(record, column.name)})) == 1

    async def test_levels_are_asked_for_and_kept_but_not_compared(self, adapter: BaseAdapter) -> None:
        await put(adapter, SNAPSHOT)

        found = await adapter.find("depth_BTCUSDT", {"asks": {"$exists": True}}, projection=["bids", "asks"])

        assert found == [{"bids": SNAPSHOT.bids, "asks": SNAPSHOT.asks}]
        refused: list[dict[str, Any]] = [{"bids": []}, {"bids": None}, {"bids": {"$ne": None}}]
        for filter in refused:
            with pytest.raises(RejectedError):
                adapter.find("depth_BTCUSDT", filter)
        with pytest.raises(RejectedError):
            adapter.find("depth_BTCUSDT", sort=[("bids", 1)])
        assert DEPTH.to_document(SNAPSHOT) in await adapter.find("depth_BTCUSDT", {"first_update_id": None})

    async def test_a_projection_keeps_the_named_fields_that_are_there(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE[:2])

        found = await adapter.find("trades_BTCUSDT", projection=["event_time", "trade_id"], sort=[("trade_id", 1)])

        assert found == [{"trade_id": 1}, {"event_time": T0, "trade_id": 2}]
        assert await adapter.find("trades_BTCUSDT", {"trade_id": 1}, projection=["_id"]) == [
            {"_id": TRADES.key(TRADES_OF_FIVE[0])}
        ]

    async def test_documents_are_sorted_by_each_field_in_turn(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert await ids(adapter, None, sort=[("price", 1)]) == [2, 1, 5, 4, 3]
        assert await ids(adapter, None, sort=[("price", -1)]) == [3, 4, 5, 1, 2]
        assert await ids(adapter, None, sort=[("is_buyer_maker", -1), ("trade_id", 1)]) == [1, 4, 2, 3, 5]
        assert await ids(adapter, None, sort=[("is_buyer_maker", 1), ("timestamp", -1)]) == [5, 3, 2, 4, 1]

    async def test_absent_values_come_first_ascending_and_last_descending(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert await ids(adapter, None, sort=[("event_time", 1), ("trade_id", 1)]) == [1, 4, 2, 3, 5]
        assert await ids(adapter, None, sort=[("event_time", -1), ("trade_id", 1)]) == [5, 3, 2, 1, 4]

    async def test_text_is_sorted_by_its_code_points(self, adapter: BaseAdapter) -> None:
        texts = ["b", "a", "B", "Z", "ä", "", "a ", "\U0001f600", "\uffff"]
        orders = [_order(number, status) for number, status in enumerate(texts)]
        await put(adapter, *orders)

        found = await adapter.find("liquidations_BTCUSDT", sort=[("status", 1)], projection=["status"])

        assert [document["status"] for document in found] == sorted(texts)
        assert len(await adapter.find("liquidations_BTCUSDT", {"status": {"$gte": "a", "$lte": "a "}})) == 2

    async def test_a_limit_keeps_the_first(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert await ids(adapter, None, sort=[("trade_id", -1)], limit=2) == [5, 4]
        assert len(await ids(adapter, None, limit=3)) == 3
        assert await ids(adapter, {"is_buyer_maker": True}, sort=[("price", 1)], limit=1, projection=["trade_id"]) == [
            1
        ]
        for limit in (-1, True, 1.5):
            with pytest.raises(RejectedError):
                adapter.find("trades_BTCUSDT", limit=limit)  # type: ignore[arg-type] # the wrong types are the test

    async def test_sorts_and_projections_that_make_no_sense_are_refused(self, adapter: BaseAdapter) -> None:
        refused: list[dict[str, Any]] = [
            {"sort": [("nobody", 1)]},
            {"sort": [("price", 0)]},
            {"sort": [("price", True)]},
            {"sort": [("price", 1), ("price", -1)]},
            {"sort": "price"},
            {"projection": ["nobody"]},
            {"projection": ["price", "price"]},
            {"projection": ["$price"]},
            {"projection": "price"},
        ]
        for options in refused:
            with pytest.raises(RejectedError):
                adapter.find("trades_BTCUSDT", **options)

    async def test_found_documents_stream_and_may_be_left_early(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(3000))

        seen = 0
        async for _ in adapter.find("trades_BTCUSDT", {"price": {"$gt": 0}}):
            seen += 1
            if seen == 2500:
                break

        assert seen == 2500
        assert len(await adapter.find("trades_BTCUSDT", sort=[("timestamp", 1)])) == 3000

    async def test_only_the_newest_version_is_found(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(volume=Decimal("1")))
        await put(adapter, candle(volume=Decimal("2"), event_time=T0 + 5000 * MS))

        assert await adapter.find("candles_BTCUSDT_1m", {"volume": 1}) == []
        assert await adapter.find("candles_BTCUSDT_1m", {"volume": 2}) == [
            CANDLES.to_document(candle(volume=Decimal("2"), event_time=T0 + 5000 * MS))
        ]

    async def test_numbers_are_compared_as_numbers_and_not_as_text(self, adapter: BaseAdapter) -> None:
        rates = [Decimal(text) for text in ("-10", "-9", "-0.00038167", "0", "1E-18", "9", "10", "1E+3")]
        await put(adapter, *[funding(timestamp=T0 + n * MS, funding_rate=rate) for n, rate in enumerate(rates)])

        for number, rate in enumerate(rates):
            filter = {"funding_rate": {"$gt": rate}}
            assert len(await adapter.find("funding_rates_BTCUSDT", filter)) == len(rates) - number - 1
        assert len(await adapter.find("funding_rates_BTCUSDT", {"funding_rate": {"$gte": SMALLEST}})) == 4

    async def test_nothing_is_found_in_a_collection_that_is_not_there(self, adapter: BaseAdapter) -> None:
        assert await adapter.find("trades_NOBODY") == []
        assert await adapter.list_collections() == []

    @pytest.mark.parametrize("name", ["dead_letters", "system.users", "$cmd", "", "Trades", "x" * 64])
    async def test_a_name_that_can_hold_nothing_is_refused_at_the_call(self, adapter: BaseAdapter, name: str) -> None:
        with pytest.raises(RejectedError):
            adapter.find(name)
        with pytest.raises(RejectedError):
            adapter.aggregate(name, [])
        with pytest.raises(RejectedError):
            await adapter.delete(name, {})
        with pytest.raises(RejectedError):
            await adapter.replace(name, [{"_id": "1"}])

    async def test_a_store_that_was_let_go_of_finds_nothing_and_says_so(self, adapter: BaseAdapter) -> None:
        await adapter.disconnect()

        with pytest.raises(UnavailableError):
            await adapter.find("trades_BTCUSDT")
        with pytest.raises(UnavailableError):
            await adapter.aggregate("trades_BTCUSDT", [])


def _order(number: int, status: str) -> Any:
    order: Any = FULL["liquidations"]
    return type(order)(
        symbol="BTCUSDT",
        timestamp=T0 + number * MS,
        side="SELL",
        price=Decimal(number),
        quantity=Decimal(1),
        status=status,
        digest=f"{number:016x}",
    )
