"""What every adapter does with records that have versions: the newest wins, in whatever order they come."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from storage import Candle, Outcome, Record
from storage.adapters.base import BaseAdapter
from storage.outcomes import DUPLICATE, STALE, STORED
from storage.tables import CANDLES, TABLE_OF
from tests.contracts.records import MS, T0, candle, funding
from tests.contracts.writing import outcomes, put, stored

CANDLE_VERSIONS = [
    candle(event_time=None, trades_count=9),
    candle(event_time=T0 + MS),
    candle(event_time=T0 + 2 * MS, trades_count=9, volume=Decimal("9")),
    candle(event_time=T0 + 2 * MS, trades_count=10, volume=Decimal("9.5")),
    candle(event_time=T0 + 2 * MS, trades_count=10, volume=Decimal("10")),
    candle(event_time=T0 + MS, is_closed=True),
]
"""From the oldest to the newest."""

FUNDING_VERSIONS = [
    funding(event_time=None),
    funding(event_time=T0 - 2 * MS),
    funding(event_time=T0 - MS, mark_price=Decimal("1")),
    funding(event_time=None, is_settled=True, funding_rate=Decimal("0.0002")),
    funding(event_time=T0 + MS, is_settled=True),
]


class VersionContract:
    """Order does not matter for the final state."""

    @pytest.mark.parametrize("versions", [CANDLE_VERSIONS, FUNDING_VERSIONS], ids=["candles", "funding"])
    async def test_each_newer_version_replaces_the_older(self, adapter: BaseAdapter, versions: list[Record]) -> None:
        for version in versions:
            assert await put(adapter, version) == [STORED]
            assert await stored(adapter, version) == [TABLE_OF[type(version)].to_document(version)]

    @pytest.mark.parametrize("versions", [CANDLE_VERSIONS, FUNDING_VERSIONS], ids=["candles", "funding"])
    async def test_each_older_version_is_stale(self, adapter: BaseAdapter, versions: list[Record]) -> None:
        newest = versions[-1]
        await put(adapter, newest)

        for version in versions[:-1]:
            assert await put(adapter, version) == [STALE]
        assert await stored(adapter, newest) == [TABLE_OF[type(newest)].to_document(newest)]

    async def test_the_newest_candle_wins_in_every_order(self, adapter: BaseAdapter) -> None:
        orders = list(permutations(CANDLE_VERSIONS[2:], 4))
        newest: dict[int, Candle] = {}
        for step in range(4):
            batch = [_at(minute, order[step]) for minute, order in enumerate(orders)]
            fates = await outcomes(adapter, *batch)
            for minute, version in enumerate(batch):
                is_newest = minute not in newest or CANDLES.version_of(version) > CANDLES.version_of(newest[minute])
                assert fates[minute] is (Outcome.STORED if is_newest else Outcome.STALE)
                newest[minute] = version if is_newest else newest[minute]

        documents = await stored(adapter, newest[0])
        assert documents == [CANDLES.to_document(newest[minute]) for minute in range(len(orders))]
        assert all(document["is_closed"] for document in documents)

    async def test_a_version_replaces_the_whole_document(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(quote_volume=Decimal("7")))
        newer = candle(event_time=T0 + 5000 * MS)

        await put(adapter, newer)

        assert await stored(adapter, newer) == [CANDLES.to_document(newer)]

    async def test_the_same_version_again_is_a_duplicate(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(volume=Decimal("100.0")))

        assert await put(adapter, candle(volume=Decimal("100"))) == [DUPLICATE]

    async def test_a_candle_that_only_lacks_its_event_time_is_a_duplicate(self, adapter: BaseAdapter) -> None:
        await put(adapter, candle(is_closed=True))

        assert await put(adapter, candle(is_closed=True, event_time=None)) == [DUPLICATE]

    async def test_a_version_that_ties_with_other_content_is_a_conflict(self, adapter: BaseAdapter) -> None:
        first = candle()
        await put(adapter, first)

        (result,) = await put(adapter, candle(close=Decimal("11.5")))

        assert result.outcome is Outcome.CONFLICT
        assert result.stored == CANDLES.to_document(first)
        assert await stored(adapter, first) == [CANDLES.to_document(first)]

    async def test_each_version_of_a_batch_has_its_own_fate(self, adapter: BaseAdapter) -> None:
        await put(adapter, *[candle(timestamp=T0 + number * MS) for number in range(4)])

        fates = await outcomes(
            adapter,
            candle(timestamp=T0),
            candle(timestamp=T0 + MS, event_time=T0 + 2000 * MS),
            candle(timestamp=T0 + 2 * MS, event_time=T0),
            candle(timestamp=T0 + 3 * MS, close=Decimal("10.5")),
            candle(timestamp=T0 + 4 * MS),
            candle(timestamp=T0 + 5 * MS, close=Decimal("Infinity")),
        )

        assert Counter(fates[:2]) == {Outcome.DUPLICATE: 1, Outcome.STORED: 1}
        assert fates[2:] == [Outcome.STALE, Outcome.CONFLICT, Outcome.STORED, Outcome.REJECTED]

    async def test_writers_that_race_leave_the_newest_version(self, adapter: BaseAdapter) -> None:
        waiting = [_at(minute, version) for version in reversed(CANDLE_VERSIONS[2:]) for minute in range(10)]

        while waiting:  # a store may ask to try again; it must come to an end
            results = await asyncio.gather(*(outcomes(adapter, version) for version in waiting))
            again = [version for version, (fate,) in zip(waiting, results, strict=True) if fate is Outcome.RETRY]
            assert {fate for (fate,) in results} <= {Outcome.STORED, Outcome.STALE, Outcome.RETRY}
            assert len(again) < len(waiting)
            waiting = again

        newest = CANDLE_VERSIONS[-1]
        assert await stored(adapter, newest) == [CANDLES.to_document(_at(minute, newest)) for minute in range(10)]

    async def test_timeframes_that_differ_in_case_only_are_two(self, adapter: BaseAdapter) -> None:
        minute, month = candle(timeframe="1m"), candle(timeframe="1M")

        await put(adapter, minute)
        await put(adapter, month)

        assert await adapter.list_collections() == ["candles_BTCUSDT_1M", "candles_BTCUSDT_1m"]
        assert await stored(adapter, month) == [CANDLES.to_document(month)]


def _at(minute: int, version: Candle) -> Candle:
    return replace(version, timestamp=T0 + minute * 60_000 * MS)
