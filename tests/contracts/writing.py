"""What every adapter does with records that have no versions, and with records that cannot be stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from storage import TABLE_OF, TABLES, ConflictError, Outcome, Reason, Record, RejectedError, Result
from storage.adapters.base import BaseAdapter, Document
from storage.outcomes import DUPLICATE, STORED
from tests.contracts.records import BARE, FULL, MS, SNAPSHOT, T0, candle, trade, trades

MAX_COLLECTIONS = 12
FIRST_DAY, LAST_DAY = datetime.min.replace(tzinfo=T0.tzinfo), datetime.max.replace(tzinfo=T0.tzinfo, microsecond=0)


async def put(adapter: BaseAdapter, *records: Record) -> Sequence[Result]:
    """Write records of one collection."""
    table = TABLE_OF[type(records[0])]
    return await adapter.put(table, table.collection(records[0]), records)


async def outcomes(adapter: BaseAdapter, *records: Record) -> list[Outcome]:
    """Write records of one collection; only what became of them."""
    return [result.outcome for result in await put(adapter, *records)]


async def stored(adapter: BaseAdapter, like: Record) -> list[Document]:
    """All documents of the collection that this record belongs to."""
    return await adapter.query_range(TABLE_OF[type(like)].collection(like), FIRST_DAY, LAST_DAY)


class WritingContract:
    """Each record is stored exactly once, exactly as it was, and its fate is told."""

    @pytest.mark.parametrize("kind", TABLES)
    @pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
    async def test_a_record_of_each_kind_comes_back_exactly(
        self, adapter: BaseAdapter, kind: str, samples: dict[str, Record]
    ) -> None:
        record, table = samples[kind], TABLES[kind]

        assert await put(adapter, record) == [STORED]

        (document,) = await stored(adapter, record)
        assert document == table.to_document(record)
        assert list(document) == list(table.to_document(record))
        assert table.to_record(document) == record

    async def test_values_come_back_with_their_python_types(self, adapter: BaseAdapter) -> None:
        await put(adapter, FULL["depth"])
        await put(adapter, FULL["trades"])

        (depth,), (one,) = await stored(adapter, FULL["depth"]), await stored(adapter, FULL["trades"])

        assert {name: type(value) for name, value in one.items()} == {
            "_id": str,
            "symbol": str,
            "timestamp": datetime,
            "trade_id": int,
            "price": Decimal,
            "quantity": Decimal,
            "is_buyer_maker": bool,
            "event_time": datetime,
        }
        assert one["timestamp"].utcoffset() == T0.utcoffset()
        assert type(depth["bids"]) is tuple and type(depth["bids"][0]) is tuple
        assert type(depth["bids"][0][0]) is Decimal and type(depth["last_update_id"]) is int

    async def test_many_records_are_stored_in_one_call(self, adapter: BaseAdapter) -> None:
        batch = trades(2500)

        assert await put(adapter, *batch) == [STORED] * 2500
        assert [document["trade_id"] for document in await stored(adapter, batch[0])] == list(range(2500))

    async def test_no_records_are_no_results(self, adapter: BaseAdapter) -> None:
        assert list(await adapter.put(TABLES["trades"], "trades_BTCUSDT", [])) == []

    async def test_trades_of_one_millisecond_are_all_kept(self, adapter: BaseAdapter) -> None:
        assert await outcomes(adapter, trade(1), trade(2), trade(3)) == [Outcome.STORED] * 3
        assert len(await stored(adapter, trade())) == 3

    @pytest.mark.parametrize("kind", TABLES)
    async def test_writing_a_record_again_changes_nothing(self, adapter: BaseAdapter, kind: str) -> None:
        record = FULL[kind]
        await put(adapter, record)

        assert await put(adapter, record) == [DUPLICATE]
        assert await stored(adapter, record) == [TABLES[kind].to_document(record)]

    async def test_decimals_are_compared_as_numbers(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(price=Decimal("1.50")))

        assert await put(adapter, trade(price=Decimal("1.5"))) == [DUPLICATE]

    async def test_levels_are_compared_as_numbers(self, adapter: BaseAdapter) -> None:
        await put(adapter, replace(SNAPSHOT, bids=((Decimal("16569.00"), Decimal("10")),)))

        assert await put(adapter, replace(SNAPSHOT, bids=((Decimal("16569"), Decimal("10.0")),))) == [DUPLICATE]

    async def test_an_absent_field_is_no_other_content(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade())

        assert await put(adapter, trade(event_time=None)) == [DUPLICATE]

    async def test_a_field_that_the_stored_document_lacks_is_other_content(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(event_time=None))

        assert await outcomes(adapter, trade()) == [Outcome.CONFLICT]

    async def test_a_time_of_the_bus_is_no_content(self, adapter: BaseAdapter) -> None:
        record = replace(FULL["book_tickers"], bus_time=True)
        await put(adapter, record)

        assert await put(adapter, replace(record, timestamp=T0 + 5 * MS)) == [DUPLICATE]
        assert (await stored(adapter, record))[0]["timestamp"] == T0

    async def test_a_time_of_the_exchange_is_content(self, adapter: BaseAdapter) -> None:
        await put(adapter, FULL["book_tickers"])

        assert await outcomes(adapter, replace(FULL["book_tickers"], timestamp=T0 + MS)) == [Outcome.CONFLICT]

    async def test_a_conflict_keeps_the_first_content_and_tells_it(self, adapter: BaseAdapter) -> None:
        first = trade()
        await put(adapter, first)

        (result,) = await put(adapter, trade(price=Decimal("1")))

        assert result.outcome is Outcome.CONFLICT
        assert result.stored == TABLES["trades"].to_document(first)
        assert await stored(adapter, first) == [TABLES["trades"].to_document(first)]

    async def test_each_record_of_a_batch_has_its_own_fate(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(1), trade(2))

        fates = await outcomes(
            adapter, trade(3), trade(1), trade(2, price=Decimal("7")), trade(4, price=Decimal("NaN")), trade(5)
        )

        assert fates == [Outcome.STORED, Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.REJECTED, Outcome.STORED]
        assert [document["trade_id"] for document in await stored(adapter, trade())] == [1, 2, 3, 5]

    @pytest.mark.parametrize(
        "changes",
        [
            {"price": Decimal("NaN")},
            {"price": Decimal("-Infinity")},
            {"price": Decimal("123456789012345678901")},
            {"price": Decimal("0.1234567890123456789")},
            {"price": Decimal("12345678901234567.123456789012345678")},
            {"price": Decimal("1E+6000")},
            {"price": 67123.45},
            {"price": None},
            {"quantity": "0.1"},
            {"trade_id": 2**63},
            {"trade_id": "7"},
            {"timestamp": T0.replace(tzinfo=None)},
            {"event_time": T0.replace(microsecond=1)},
            {"is_buyer_maker": "yes"},
        ],
        ids=str,
    )
    async def test_what_cannot_be_stored_without_loss_is_rejected_alone(
        self, adapter: BaseAdapter, changes: dict[str, Any]
    ) -> None:
        good, bad, better = await put(adapter, trade(1), replace(trade(2), **changes), trade(3))

        assert (good, better) == (STORED, STORED)
        assert bad.outcome is Outcome.REJECTED and bad.reason is Reason.NOT_STORABLE and bad.error
        assert len(await stored(adapter, trade())) == 2

    async def test_text_that_is_no_unicode_is_rejected_alone(self, adapter: BaseAdapter) -> None:
        order = FULL["liquidations"]

        good, bad = await put(adapter, order, replace(order, digest="ffff", status="\ud800"))

        assert good == STORED and bad.reason is Reason.NOT_STORABLE

    @pytest.mark.parametrize(
        "symbol", ["../x", "$where", "a.b", "x" * 300, "btcusdt", "BTC\0", "", "..", "BTC USDT", "БТЦ", "BTC\n"]
    )
    async def test_a_hostile_symbol_never_becomes_a_collection(self, adapter: BaseAdapter, symbol: str) -> None:
        results = await adapter.put(TABLES["trades"], f"trades_{symbol}", [trade(1), trade(2)])

        assert [result.reason for result in results] == [Reason.INVALID_SYMBOL] * 2
        assert await adapter.list_collections() == []
        with pytest.raises(RejectedError):
            await adapter.query_range(f"trades_{symbol}", FIRST_DAY, LAST_DAY)

    async def test_a_collection_of_another_kind_is_refused(self, adapter: BaseAdapter) -> None:
        (result,) = await adapter.put(TABLES["trades"], "candles_BTCUSDT_1m", [trade()])

        assert result.outcome is Outcome.REJECTED

    async def test_a_record_of_another_symbol_is_rejected_alone(self, adapter: BaseAdapter) -> None:
        mixed = [trade(1), trade(2, symbol="ETHUSDT"), trade(3), trade(4, symbol="btcusdt")]

        results = await adapter.put(TABLES["trades"], "trades_BTCUSDT", mixed)

        assert (results[0], results[2]) == (STORED, STORED)
        assert [results[place].reason for place in (1, 3)] == [Reason.INVALID_SYMBOL] * 2
        assert "trades_BTCUSDT does not hold a Trade of 'ETHUSDT'" in results[1].error
        assert len(await stored(adapter, trade())) == 2
        assert await adapter.list_collections() == ["trades_BTCUSDT"]

    async def test_a_candle_of_another_timeframe_is_rejected(self, adapter: BaseAdapter) -> None:
        month = "candles_BTCUSDT_1M"

        (result,) = await adapter.put(TABLES["candles"], month, [candle(timeframe="1m")])

        assert result.reason is Reason.INVALID_SYMBOL and "'1m'" in result.error
        assert await adapter.list_collections() == []

    async def test_beyond_the_limit_new_collections_are_rejected_and_old_ones_go_on(self, adapter: BaseAdapter) -> None:
        for number in range(MAX_COLLECTIONS):
            assert await put(adapter, trade(symbol=f"S{number}")) == [STORED]

        one, two = await put(adapter, trade(1, symbol="NEW"), trade(2, symbol="NEW"))

        assert one.reason is Reason.SYMBOL_LIMIT and two.reason is Reason.SYMBOL_LIMIT
        assert await put(adapter, trade(2, symbol="S0")) == [STORED]
        assert len(await adapter.list_collections()) == MAX_COLLECTIONS

    async def test_two_writers_of_the_same_records_store_each_once(self, adapter: BaseAdapter) -> None:
        batch = trades(100)

        both = await asyncio.gather(outcomes(adapter, *batch), outcomes(adapter, *reversed(batch)))

        assert Counter(both[0] + both[1]) == {Outcome.STORED: 100, Outcome.DUPLICATE: 100}
        assert all(
            {one, other} == {Outcome.STORED, Outcome.DUPLICATE}
            for one, other in zip(both[0], reversed(both[1]), strict=True)
        )

    async def test_many_writers_may_meet_in_new_collections(self, adapter: BaseAdapter) -> None:
        writes = [outcomes(adapter, trade(number, symbol=f"S{number % 4}")) for number in range(40)]

        assert await asyncio.gather(*writes) == [[Outcome.STORED]] * 40
        assert await adapter.list_collections() == ["trades_S0", "trades_S1", "trades_S2", "trades_S3"]

    async def test_write_counts_what_was_new(self, adapter: BaseAdapter) -> None:
        assert await adapter.write([], "trades_BTCUSDT") == 0
        assert await adapter.write([trade(1)], "trades_BTCUSDT") == 1
        assert await adapter.write_batch(trades(7), "trades_BTCUSDT", batch_size=3) == 7
        assert await adapter.write_batch(trades(8), "trades_BTCUSDT", batch_size=3) == 1

    async def test_write_raises_for_a_record_that_was_not_written(self, adapter: BaseAdapter) -> None:
        await adapter.write([trade(1)], "trades_BTCUSDT")

        with pytest.raises(ConflictError):
            await adapter.write([trade(1, price=Decimal("7"))], "trades_BTCUSDT")
        with pytest.raises(RejectedError):
            await adapter.write([trade(2, price=Decimal("NaN"))], "trades_BTCUSDT")
