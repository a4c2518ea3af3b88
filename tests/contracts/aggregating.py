"""What every adapter reckons: the same rows of the same stages, exact."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from storage import RejectedError, UnsupportedQuery
from storage.adapters.base import BaseAdapter, Document
from tests.contracts.finding import TRADES_OF_FIVE
from tests.contracts.records import MAX_INT, MS, SMALLEST, T0, candle, funding, trade, trades
from tests.contracts.writing import put

EVERY_MEASURE = {
    "ones": {"$sum": 1},
    "count": {"$count": {}},
    "ids": {"$sum": "$trade_id"},
    "total": {"$sum": "$price"},
    "mean": {"$avg": "$price"},
    "mean_id": {"$avg": "$trade_id"},
    "least": {"$min": "$price"},
    "most": {"$max": "$price"},
    "first": {"$first": "$trade_id"},
    "last": {"$last": "$trade_id"},
    "since": {"$min": "$timestamp"},
    "until": {"$max": "$event_time"},
    "symbol": {"$max": "$symbol"},
}

REFUSED: Sequence[tuple[Any, type[Exception]]] = [
    ([{"$lookup": {"from": "trades_ETHUSDT"}}], UnsupportedQuery),
    ([{"$out": "elsewhere"}], UnsupportedQuery),
    ([{"$merge": {"into": "elsewhere"}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$push": "$price"}}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$sum": {"$multiply": ["$price", 2]}}}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$sum": 2}}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$sum": True}}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$count": 1}}}], UnsupportedQuery),
    ([{"$group": {"_id": {"day": "$timestamp"}}}], UnsupportedQuery),
    ([{"$group": {"_id": "symbol"}}], UnsupportedQuery),
    ([{"$group": {"_id": None, "x": {"$first": "$price"}}}], UnsupportedQuery),
    (
        [{"$sort": {"price": 1}}, {"$group": {"_id": "$symbol"}}, {"$group": {"_id": None, "x": {"$last": "$_id"}}}],
        UnsupportedQuery,
    ),
    ([{"$project": {"price": 0}}], UnsupportedQuery),
    ([{"$project": {"price": "$quantity"}}], UnsupportedQuery),
    ([{"$project": {"price": True}}], UnsupportedQuery),
    ([{"$group": {}}], RejectedError),
    ([{"$group": {"_id": "$nobody"}}], RejectedError),
    ([{"$group": {"_id": "$$ROOT"}}], RejectedError),
    ([{"$group": {"_id": None, "a.b": {"$sum": 1}}}], RejectedError),
    ([{"$group": {"_id": None, "$x": {"$sum": 1}}}], RejectedError),
    ([{"$group": {"_id": None, 'a" FROM x; --': {"$sum": 1}}}], RejectedError),
    ([{"$group": {"_id": None, "x": {"$sum": "$symbol"}}}], RejectedError),
    ([{"$group": {"_id": None, "x": {"$avg": "$timestamp"}}}], RejectedError),
    ([{"$group": {"_id": None, "x": {"$sum": 1, "$avg": "$price"}}}], RejectedError),
    ([{"$group": {"_id": None, "x": 1}}], RejectedError),
    ([{"$match": {}, "$limit": 1}], RejectedError),
    ([{}], RejectedError),
    (["$match"], RejectedError),
    ({"$match": {}}, RejectedError),
    ([{"$limit": 0}], RejectedError),
    ([{"$limit": "1"}], RejectedError),
    ([{"$sort": {}}], RejectedError),
    ([{"$sort": {"price": "asc"}}], RejectedError),
    ([{"$project": {}}], RejectedError),
    ([{"$project": {"price": 1}}, {"$match": {"quantity": 1}}], RejectedError),
    ([{"$group": {"_id": "$symbol"}}, {"$match": {"price": 1}}], RejectedError),
    ([{"$group": {"_id": "$symbol", "n": {"$sum": 1}}}, {"$match": {"n": "1"}}], RejectedError),
    ([{"$match": {}}] * 21, RejectedError),
]


async def aggregated(adapter: BaseAdapter, *stages: dict[str, Any]) -> list[Document]:
    """What the stages make of the trades."""
    return await adapter.aggregate("trades_BTCUSDT", stages)


class AggregatingContract:
    """The stages of docs/queries.md, on market data."""

    async def test_no_stage_gives_the_documents(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        assert sorted(document["trade_id"] for document in await aggregated(adapter)) == [1, 2, 3, 4, 5]

    async def test_every_measure_of_all_documents(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        (found,) = await aggregated(adapter, {"$sort": {"trade_id": -1}}, {"$group": {"_id": None, **EVERY_MEASURE}})

        assert found == {
            "_id": None,
            "ones": 5,
            "count": 5,
            "ids": 15,
            "total": Decimal("29.500000000000000000"),
            "mean": Decimal("5.9"),
            "mean_id": 3,
            "least": -2,
            "most": Decimal("10.000000000000000001"),
            "first": 5,
            "last": 1,
            "since": T0,
            "until": T0 + 2 * MS,
            "symbol": "BTCUSDT",
        }
        assert {name: type(found[name]) for name in ("ones", "count", "ids", "total", "mean", "mean_id", "least")} == {
            "ones": int,
            "count": int,
            "ids": int,
            "total": Decimal,
            "mean": Decimal,
            "mean_id": Decimal,
            "least": Decimal,
        }

    async def test_measures_of_each_key(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        found = await aggregated(
            adapter,
            {"$group": {"_id": "$is_buyer_maker", "n": {"$sum": 1}, "total": {"$sum": "$price"}}},
            {"$sort": {"_id": 1}},
        )

        assert found == [
            {"_id": False, "n": 3, "total": Decimal("18")},
            {"_id": True, "n": 2, "total": Decimal("11.5")},
        ]
        assert [type(document["_id"]) for document in found] == [bool, bool]

    async def test_documents_without_the_key_are_a_group_of_their_own(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        found = await aggregated(
            adapter, {"$group": {"_id": "$event_time", "ids": {"$sum": "$trade_id"}}}, {"$sort": {"_id": 1}}
        )

        assert found == [
            {"_id": None, "ids": 5},
            {"_id": T0, "ids": 2},
            {"_id": T0 + MS, "ids": 3},
            {"_id": T0 + 2 * MS, "ids": 5},
        ]

    async def test_absent_values_are_passed_over(self, adapter: BaseAdapter) -> None:
        await put(
            adapter, candle(quote_volume=None), candle(timestamp=T0 + MS, quote_volume=Decimal(4), trades_count=7)
        )
        measures = {
            "total": {"$sum": "$quote_volume"},
            "mean": {"$avg": "$quote_volume"},
            "least": {"$min": "$trades_count"},
            "trades": {"$avg": "$trades_count"},
        }

        found = await adapter.aggregate("candles_BTCUSDT_1m", [{"$group": {"_id": None, **measures}}])

        assert found == [{"_id": None, "total": 4, "mean": 4, "least": 7, "trades": 7}]

    async def test_the_sum_of_nothing_is_zero_and_every_other_measure_is_absent(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(quote_volume=None))
        measures = {name: {f"${name}": "$quote_volume"} for name in ("sum", "avg", "min", "max", "first", "last")}

        found = await adapter.aggregate(
            "candles_BTCUSDT_1m", [{"$sort": {"timestamp": 1}}, {"$group": {"_id": None, **measures}}]
        )

        assert found == [{"_id": None, "sum": 0}]

    async def test_no_documents_are_no_groups(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)
        group: dict[str, Any] = {"$group": {"_id": None, "n": {"$count": {}}}}

        assert await aggregated(adapter, {"$match": {"trade_id": 9}}, group) == []
        assert await adapter.aggregate("trades_NOBODY", [group]) == []

    async def test_first_and_last_take_values_as_they_stand(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        found = await aggregated(
            adapter,
            {"$sort": {"trade_id": 1}},
            {"$group": {"_id": None, "first": {"$first": "$event_time"}, "last": {"$last": "$event_time"}}},
        )

        assert found == [{"_id": None, "last": T0 + 2 * MS}]

    async def test_first_and_last_of_each_key_follow_the_sort(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)
        ends = {"first": {"$first": "$trade_id"}, "last": {"$last": "$trade_id"}}

        found = await aggregated(
            adapter,
            {"$sort": {"price": 1, "trade_id": 1}},
            {"$match": {"trade_id": {"$ne": 3}}},
            {"$group": {"_id": "$is_buyer_maker", **ends}},
            {"$sort": {"_id": 1}},
        )

        assert found == [{"_id": False, "first": 2, "last": 5}, {"_id": True, "first": 1, "last": 4}]

    async def test_sums_of_decimals_are_exact(self, adapter: BaseAdapter) -> None:
        prices = [Decimal("9999999999999999.1"), SMALLEST, -SMALLEST * 3, Decimal("0.1"), Decimal("0.2")]
        await put(adapter, *[trade(number, price=price) for number, price in enumerate(prices)])

        (found,) = await aggregated(adapter, {"$group": {"_id": None, "total": {"$sum": "$price"}}})

        assert found["total"] == Decimal("9999999999999999.399999999999999998")

    async def test_a_mean_is_rounded_half_even_to_eighteen_decimals(self, adapter: BaseAdapter) -> None:
        means = {
            (1, 1, 2): Decimal("1.333333333333333333"),
            (2, 1, 2): Decimal("1.666666666666666667"),
            (SMALLEST, 0): 0,
            (SMALLEST * 3, 0): SMALLEST * 2,
            (-SMALLEST * 5, 0): -SMALLEST * 2,
            (-1, -1, -2): Decimal("-1.333333333333333333"),
        }
        for number, prices in enumerate(means):
            await put(adapter, *[trade(n, symbol=f"M{number}", price=Decimal(p)) for n, p in enumerate(prices)])
        group = {"$group": {"_id": None, "mean": {"$avg": "$price"}}}

        found = [(await adapter.aggregate(f"trades_M{number}", [group]))[0]["mean"] for number in range(len(means))]

        assert found == list(means.values())

    async def test_integers_stay_exact_beyond_doubles(self, adapter: BaseAdapter) -> None:
        ids = [2**53 + 1, 2**53 + 3, MAX_INT - 2**55]
        await put(adapter, *[trade(id) for id in ids])
        measures = {"total": {"$sum": "$trade_id"}, "least": {"$min": "$trade_id"}, "most": {"$max": "$trade_id"}}

        (found,) = await aggregated(adapter, {"$group": {"_id": None, **measures}})

        assert found == {"_id": None, "total": sum(ids), "least": 2**53 + 1, "most": MAX_INT - 2**55}

    async def test_a_sum_of_integers_may_pass_64_bits(self, adapter: BaseAdapter) -> None:
        await put(adapter, trade(MAX_INT), trade(MAX_INT - 1), trade(MAX_INT - 2))

        (found,) = await aggregated(
            adapter, {"$group": {"_id": None, "total": {"$sum": "$trade_id"}, "mean": {"$avg": "$trade_id"}}}
        )

        assert found == {"_id": None, "total": 3 * MAX_INT - 3, "mean": MAX_INT - 1}

    async def test_stages_follow_each_other(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(20))

        found = await aggregated(
            adapter,
            {"$sort": {"trade_id": -1}},
            {"$limit": 10},
            {"$match": {"trade_id": {"$lt": 15}}},
            {"$sort": {"trade_id": 1}},
            {"$limit": 3},
            {"$project": {"trade_id": 1, "symbol": 1}},
        )

        assert found == [{"trade_id": number, "symbol": "BTCUSDT"} for number in (10, 11, 12)]

    async def test_a_limit_before_a_group_bounds_what_is_grouped(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(20))

        found = await aggregated(
            adapter,
            {"$sort": {"trade_id": 1}},
            {"$limit": 4},
            {"$group": {"_id": None, "ids": {"$sum": "$trade_id"}, "n": {"$count": {}}}},
        )

        assert found == [{"_id": None, "ids": 6, "n": 4}]

    async def test_groups_are_matched_sorted_and_grouped_again(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        found = await aggregated(
            adapter,
            {"$group": {"_id": "$event_time", "n": {"$count": {}}, "most": {"$max": "$price"}}},
            {"$match": {"$or": [{"n": {"$gt": 1}}, {"most": {"$lt": 10}}]}},
            {"$sort": {"most": -1}},
            {"$group": {"_id": "$n", "first": {"$first": "$most"}, "total": {"$sum": "$most"}, "groups": {"$sum": 1}}},
            {"$sort": {"_id": -1}},
            {"$project": {"groups": 1, "first": 1, "total": 1}},
        )

        assert found == [
            {"groups": 1, "first": 10, "total": 10},
            {"groups": 2, "first": Decimal("9.999999999999999999"), "total": Decimal("7.999999999999999999")},
        ]

    async def test_a_measure_may_have_the_name_of_a_column(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)

        found = await aggregated(
            adapter,
            {"$group": {"_id": "$symbol", "price": {"$max": "$trade_id"}, "select": {"$min": "$price"}}},
            {"$match": {"price": 5, "select": -2}},
        )

        assert found == [{"_id": "BTCUSDT", "price": 5, "select": -2}]

    async def test_absent_measures_are_absent_to_the_next_stage(self, adapter: BaseAdapter) -> None:
        await put(adapter, *TRADES_OF_FIVE)
        group = {"$group": {"_id": "$trade_id", "until": {"$max": "$event_time"}}}

        gone = await aggregated(adapter, group, {"$match": {"until": {"$exists": False}}}, {"$sort": {"_id": 1}})
        there = await aggregated(adapter, group, {"$match": {"until": {"$ne": None}}}, {"$sort": {"_id": 1}})

        assert gone == [{"_id": 1}, {"_id": 4}]
        assert [document["_id"] for document in there] == [2, 3, 5]

    async def test_only_the_newest_version_is_reckoned_with(self, adapter: BaseAdapter) -> None:
        for second in range(5):
            await put(adapter, funding(event_time=T0 + second * MS, funding_rate=Decimal(second)))

        found = await adapter.aggregate(
            "funding_rates_BTCUSDT", [{"$group": {"_id": None, "total": {"$sum": "$funding_rate"}}}]
        )

        assert found == [{"_id": None, "total": 4}]

    async def test_rows_stream_and_may_be_left_early(self, adapter: BaseAdapter) -> None:
        await put(adapter, *trades(50))

        async for document in adapter.aggregate("trades_BTCUSDT", [{"$sort": {"trade_id": 1}}]):
            assert document["trade_id"] == 0
            break

    @pytest.mark.parametrize(("pipeline", "error"), REFUSED, ids=[str(pipeline)[:60] for pipeline, _ in REFUSED])
    async def test_a_pipeline_outside_the_language_is_refused_at_the_call(
        self, adapter: BaseAdapter, pipeline: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            adapter.aggregate("trades_BTCUSDT", pipeline)
