"""What every adapter changes and removes, and what it says that it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from storage import ConflictError, RejectedError, UnavailableError, UnsupportedQuery
from storage.adapters.base import BaseAdapter, Capability
from storage.outcomes import DUPLICATE, STALE, STORED
from storage.tables import CANDLES, DEPTH, TRADES
from tests.contracts.finding import FINDS, REFUSED, TRADES_OF_FIVE, ids
from tests.contracts.records import FULL, LARGEST, MS, SMALLEST, T0, candle, trade, trades
from tests.contracts.writing import put, stored

QUESTIONS: Mapping[Capability, Callable[[BaseAdapter], Any]] = {
    Capability.FIND: lambda adapter: adapter.find("trades_BTCUSDT"),
    Capability.AGGREGATE: lambda adapter: adapter.aggregate("trades_BTCUSDT", []),
    Capability.UPDATE: lambda adapter: adapter.update("trades_BTCUSDT", {}, {"price": Decimal(1)}),
    Capability.DELETE: lambda adapter: adapter.delete("trades_BTCUSDT", {}),
    Capability.DOCUMENTS: lambda adapter: adapter.replace("results", [{"_id": "1"}]),
}

REFUSED_CHANGES: list[dict[str, Any]] = [
    {},
    {"_id": "x"},
    {"symbol": "ETHUSDT"},
    {"timestamp": T0},
    {"trade_id": 7},
    {"nobody": 1},
    {"$set": {"price": Decimal(1)}},
    {"price": {"$inc": 1}},
    {"price": None},
    {"price": 1.5},
    {"price": "1"},
    {"price": Decimal("NaN")},
    {"price": Decimal("0.1234567890123456789")},
    {"is_buyer_maker": 1},
    {"event_time": T0.replace(tzinfo=None)},
    {"event_time": T0.replace(microsecond=1)},
]


class CapabilityContract:
    """An adapter answers or says that it cannot."""

    async def test_what_it_does_not_claim_it_says_that_it_cannot_do(self, adapter: BaseAdapter) -> None:
        assert set(QUESTIONS) == set(Capability)
        for capability, ask in QUESTIONS.items():
            if capability in adapter.capabilities:
                await ask(adapter)
            else:
                with pytest.raises(UnsupportedQuery, match=f"cannot {capability}"):
                    await ask(adapter)

    async def test_it_tells_how_much_it_holds(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(1000))

        metrics = await adapter.metrics()

        assert metrics.data_bytes is None or metrics.data_bytes > 0
        assert metrics.pool.maximum is None or metrics.pool.maximum > 0


class UpdatingContract:
    """Fields that are no part of the key change where the filter is true."""

    async def test_the_documents_that_match_change_and_the_others_stay(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        changed = await adapter.update("trades_BTCUSDT", {"trade_id": {"$lte": 2}}, {"price": Decimal("7.25")})

        assert changed == 2
        assert [document["price"] for document in await stored(adapter, trade())] == [
            Decimal("7.25"),
            Decimal("7.25"),
            *[each.price for each in TRADES_OF_FIVE[2:]],
        ]

    async def test_values_of_each_type_change_exactly(self, adapter: BaseAdapter) -> None:
        await put(adapter, FULL["candles"])
        new = {
            "open": LARGEST,
            "high": SMALLEST,
            "low": -1,
            "trades_count": 2**62 + 1,
            "close_time": T0 + 7 * MS,
            "is_closed": False,
        }

        assert await adapter.update("candles_BTCUSDT_1m", {}, new) == 1

        assert await stored(adapter, FULL["candles"]) == [CANDLES.to_document(FULL["candles"]) | new]

    async def test_levels_change_as_a_whole(self, adapter: BaseAdapter) -> None:
        await put(adapter, FULL["depth"])

        assert await adapter.update("depth_BTCUSDT", {}, {"bids": [(Decimal("1.5"), SMALLEST)], "asks": ()}) == 1

        changed = {"bids": ((Decimal("1.5"), SMALLEST),), "asks": ()}
        assert await stored(adapter, FULL["depth"]) == [DEPTH.to_document(FULL["depth"]) | changed]

    async def test_none_removes_a_field(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert await adapter.update("trades_BTCUSDT", {}, {"event_time": None}) == 3

        assert all("event_time" not in document for document in await stored(adapter, trade()))
        assert await adapter.update("trades_BTCUSDT", {}, {"event_time": None}) == 0

    async def test_only_documents_that_became_others_are_counted(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert await adapter.update("trades_BTCUSDT", {}, {"is_buyer_maker": True}) == 3
        assert await adapter.update("trades_BTCUSDT", {}, {"is_buyer_maker": True}) == 0
        assert await adapter.update("trades_BTCUSDT", {"trade_id": 1}, {"price": Decimal("1.500")}) == 0
        assert await adapter.update("trades_BTCUSDT", {"trade_id": 99}, {"price": 1}) == 0
        assert await adapter.update("trades_NOBODY", {}, {"price": 1}) == 0

    async def test_an_updated_record_is_compared_as_it_stands_now(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())
        await adapter.update("trades_BTCUSDT", {}, {"price": 7})

        assert await put(adapter, trade(price=Decimal(7))) == [DUPLICATE]
        with pytest.raises(ConflictError):
            await adapter.write([trade()], "trades_BTCUSDT")

    async def test_an_updated_version_stands_among_versions(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle())
        await adapter.update("candles_BTCUSDT_1m", {}, {"close": 99})

        assert await put(adapter, candle(event_time=T0)) == [STALE]
        assert (await stored(adapter, candle()))[0]["close"] == 99
        assert await put(adapter, candle(event_time=T0 + 9000 * MS)) == [STORED]
        assert (await stored(adapter, candle()))[0]["close"] == 11

    async def test_only_the_newest_version_is_updated(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(volume=Decimal(1)))
        await put(adapter, candle(volume=Decimal(2), event_time=T0 + 5000 * MS))

        assert await adapter.update("candles_BTCUSDT_1m", {"volume": 1}, {"close": 99}) == 0
        assert await adapter.update("candles_BTCUSDT_1m", {"volume": 2}, {"close": 98}) == 1
        assert [document["close"] for document in await stored(adapter, candle())] == [98]

    @pytest.mark.parametrize("changes", REFUSED_CHANGES, ids=str)
    async def test_a_change_that_cannot_be_is_refused(self, adapter: BaseAdapter, changes: dict[str, Any]) -> None:
        await put(adapter, trade())

        with pytest.raises(RejectedError):
            await adapter.update("trades_BTCUSDT", {}, changes)

        assert await stored(adapter, trade()) == [TRADES.to_document(trade())]

    async def test_free_documents_are_not_updated(self, adapter: BaseAdapter) -> None:
        with pytest.raises(RejectedError):
            await adapter.update("results", {}, {"price": 1})


class DeletingContract:
    """What a filter finds, `delete` removes."""

    async def test_each_filter_removes_what_it_finds(self, adapter: BaseAdapter) -> None:
        every = [each.trade_id for each in TRADES_OF_FIVE]
        for filter, found in FINDS[2::5]:
            await put(adapter, *TRADES_OF_FIVE)

            assert await adapter.delete("trades_BTCUSDT", filter or {}) == len(found)
            assert await ids(adapter, None) == [id for id in every if id not in found]

    async def test_a_deleted_document_may_be_stored_again(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)
        await adapter.delete("trades_BTCUSDT", {"trade_id": 2})

        assert await put(adapter, TRADES_OF_FIVE[1]) == [STORED]
        assert await ids(adapter, None) == [1, 2, 3, 4, 5]

    async def test_a_deleted_version_takes_the_older_ones_along(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(volume=Decimal(1)))
        await put(adapter, candle(volume=Decimal(2), event_time=T0 + 5000 * MS))

        assert await adapter.delete("candles_BTCUSDT_1m", {"volume": 1}) == 0
        assert await adapter.delete("candles_BTCUSDT_1m", {"volume": 2}) == 1
        assert await adapter.find("candles_BTCUSDT_1m") == []

    async def test_other_collections_of_the_same_kind_stay(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(symbol="AAA"))
        await put(adapter, trade(symbol="BBB"))
        await put(adapter, candle())
        await put(adapter, replace(candle(), timeframe="5m"))

        assert await adapter.delete("trades_AAA", {}) == 1
        assert await adapter.delete("candles_BTCUSDT_1m", {}) == 1
        assert await adapter.delete("trades_NOBODY", {}) == 0
        assert len(await adapter.find("trades_BBB")) == 1
        assert len(await adapter.find("candles_BTCUSDT_5m")) == 1

    async def test_a_filter_outside_the_language_removes_nothing(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())

        for filter, error in REFUSED:
            with pytest.raises(error):
                await adapter.delete("trades_BTCUSDT", filter)
        assert len(await stored(adapter, trade())) == 1

    async def test_nothing_is_changed_in_a_store_that_was_let_go_of(self, adapter: BaseAdapter) -> None:
        await adapter.disconnect()

        with pytest.raises(UnavailableError):
            await adapter.delete("trades_BTCUSDT", {})
        with pytest.raises(UnavailableError):
            await adapter.update("trades_BTCUSDT", {}, {"price": 1})
        with pytest.raises(UnavailableError):
            await adapter.replace("results", [{"_id": "1"}])
