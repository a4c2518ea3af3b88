"""The questions of single repositories, answered the same over every store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from storage import Candle, Depth, Outcome, Reason, RejectedError
from storage.adapters.base import BaseAdapter
from storage.books import BookUnknown
from storage.repositories.candle import CandleRepository, Gap
from storage.repositories.dead_letter import DeadLetterRepository
from storage.repositories.depth import DepthRepository
from storage.repositories.market import repositories_of
from storage.repositories.trade import TradeRepository
from tests.contracts.letters import letter
from tests.contracts.records import FULL, MS, T0, candle, trade

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def candles(timeframe: str, *times: datetime) -> list[Candle]:
    """A candle for each open time."""
    return [candle(timeframe=timeframe, timestamp=time) for time in times]


def day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def snapshot(update: int, time: datetime = T0, **changes: Any) -> Depth:
    """The best three levels of a side, with room for more on the other."""
    values: dict[str, Any] = {
        "bids": levels(("99", "1"), ("98", "2"), ("97", "3")),
        "asks": levels(("101", "1"), ("102", "2")),
        "levels": 3,
    }
    return Depth(symbol="BTCUSDT", timestamp=time, kind="snapshot", last_update_id=update, **(values | changes))


def diff(first: int, last: int, time: datetime, previous: int | None = None, **changes: Any) -> Depth:
    """A change that says nothing unless it is told what."""
    values: dict[str, Any] = {"bids": (), "asks": ()} | changes
    return Depth(
        symbol="BTCUSDT",
        timestamp=time,
        kind="diff",
        first_update_id=first,
        last_update_id=last,
        previous_update_id=previous,
        **values,
    )


async def keep(adapter: BaseAdapter, records: Sequence[Depth]) -> DepthRepository:
    repository = DepthRepository(adapter)
    fates = await repository.insert_batch(records)
    assert all(fate.outcome is Outcome.STORED for fate in fates)
    return repository


class RepositoryContract:
    """Gaps, order books, mean prices; and the plain verbs of every noun."""

    @pytest.mark.parametrize("kind", FULL)
    async def test_every_noun_has_the_plain_verbs(self, adapter: BaseAdapter, kind: str) -> None:
        repository, record = repositories_of(adapter)[kind], FULL[kind]
        where = {"timeframe": getattr(record, "timeframe", None)}

        await repository.ensure_indexes(record.symbol, **where)
        first, again = [await repository.insert_batch([record]) for _ in range(2)]

        assert [fate.outcome for fate in first + again] == [Outcome.STORED, Outcome.DUPLICATE]
        assert [found async for found in repository.get_range(record.symbol, T0, T0 + MS, **where)] == [record]
        assert await repository.get_latest(record.symbol, 5, **where) == [record]
        assert await repository.count(record.symbol, T0, T0 + MS, **where) == 1

    async def test_gaps_are_the_open_times_without_a_candle(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        await repository.insert_batch(candles("1m", *(NOON + number * MINUTE for number in (1, 2, 5, 6))))

        gaps = await repository.gaps("BTCUSDT", "1m", NOON, NOON + 8 * MINUTE)

        assert gaps == [
            Gap("1m", NOON, NOON + MINUTE, 1),
            Gap("1m", NOON + 3 * MINUTE, NOON + 5 * MINUTE, 2),
            Gap("1m", NOON + 7 * MINUTE, NOON + 8 * MINUTE, 1),
        ]
        assert list(gaps[1].open_times()) == [NOON + 3 * MINUTE, NOON + 4 * MINUTE]

    async def test_no_candles_are_one_gap_and_all_candles_none(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        half = NOON + timedelta(seconds=30)

        assert await repository.gaps("BTCUSDT", "1m", half, half + 2 * MINUTE) == [
            Gap("1m", NOON + MINUTE, NOON + 3 * MINUTE, 2)
        ]
        await repository.insert_batch(candles("1m", NOON + MINUTE, NOON + 2 * MINUTE))
        assert await repository.gaps("BTCUSDT", "1m", half, half + 2 * MINUTE) == []

    async def test_months_are_as_long_as_the_calendar_says(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        await repository.insert_batch(candles("1M", day(2023, 11, 1), day(2024, 1, 1), day(2024, 4, 1)))

        gaps = await repository.gaps("BTCUSDT", "1M", day(2023, 11, 1), day(2024, 5, 1))

        assert [time for gap in gaps for time in gap.open_times()] == [
            day(2023, 12, 1),
            day(2024, 2, 1),
            day(2024, 3, 1),
        ]

    async def test_weeks_begin_on_monday(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        await repository.insert_batch(candles("1w", day(2024, 5, 13)))

        gaps = await repository.gaps("BTCUSDT", "1w", day(2024, 5, 1), day(2024, 5, 31))

        assert [time for gap in gaps for time in gap.open_times()] == [
            day(2024, 5, 6),
            day(2024, 5, 20),
            day(2024, 5, 27),
        ]

    async def test_three_days_begin_where_the_candles_do(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        await repository.insert_batch(candles("3d", day(2024, 5, 14), day(2024, 5, 20)))

        gaps = await repository.gaps("BTCUSDT", "3d", day(2024, 5, 10), day(2024, 5, 23))

        assert [time for gap in gaps for time in gap.open_times()] == [day(2024, 5, 11), day(2024, 5, 17)]

    async def test_a_candle_between_two_open_times_fills_no_gap(self, adapter: BaseAdapter) -> None:
        repository = CandleRepository(adapter)
        await repository.insert_batch(candles("1m", NOON + timedelta(seconds=1)))

        assert await repository.gaps("BTCUSDT", "1m", NOON, NOON + MINUTE) == [Gap("1m", NOON, NOON + MINUTE, 1)]

    async def test_the_book_is_the_newest_snapshot_until_then_with_all_changes_after_it(
        self, adapter: BaseAdapter
    ) -> None:
        repository = await keep(
            adapter,
            [
                snapshot(90, T0 - 9 * MS, bids=levels(("1", "1")), levels=5),
                snapshot(100),
                diff(99, 101, T0 + MS, bids=levels(("99", "0"), ("98.5", "5")), asks=levels(("103", "9"))),
                diff(102, 103, T0 + 2 * MS, asks=levels(("101", "7"))),
                diff(104, 104, T0 + 3 * MS, asks=levels(("101", "0"))),
                snapshot(110, T0 + 4 * MS, bids=()),
            ],
        )

        book = await repository.book_at("BTCUSDT", T0 + 2 * MS)

        assert (book.symbol, book.timestamp, book.last_update_id) == ("BTCUSDT", T0 + 2 * MS, 103)
        assert book.bids == levels(("98.5", "5"), ("98", "2"), ("97", "3"))
        assert book.asks == levels(("101", "7"), ("102", "2"), ("103", "9"))

    async def test_a_book_says_how_far_it_is_known(self, adapter: BaseAdapter) -> None:
        repository = await keep(
            adapter, [snapshot(100), diff(101, 101, T0 + MS, bids=levels(("96", "4"), ("97", "0")))]
        )

        book = await repository.book_at("BTCUSDT", T0 + MS)

        assert (book.bid_floor, book.ask_ceiling, book.is_whole) == (Decimal(97), None, False)
        assert book.bids == levels(("99", "1"), ("98", "2"))

    async def test_changes_of_futures_are_a_chain_of_previous_ids(self, adapter: BaseAdapter) -> None:
        repository = await keep(
            adapter,
            [
                snapshot(100),
                diff(95, 105, T0 + MS, previous=90, bids=levels(("99", "4"))),
                diff(110, 120, T0 + 2 * MS, previous=105, bids=levels(("99", "5"))),
            ],
        )

        assert (await repository.book_at("BTCUSDT", T0 + 2 * MS)).bids[0] == (Decimal(99), Decimal(5))

    @pytest.mark.parametrize(
        ("second", "missing"),
        [(diff(103, 104, T0 + 2 * MS), "101 to 102"), (diff(102, 104, T0 + 2 * MS, previous=103), "101 to 103")],
        ids=["spot", "futures"],
    )
    async def test_a_book_with_a_missing_change_is_never_given(
        self, adapter: BaseAdapter, second: Depth, missing: str
    ) -> None:
        repository = await keep(adapter, [snapshot(100), diff(101, 101, T0 + MS), second])

        with pytest.raises(BookUnknown, match=missing):
            await repository.book_at("BTCUSDT", T0 + 2 * MS)
        assert (await repository.book_at("BTCUSDT", T0 + MS)).last_update_id == 101

    async def test_without_a_snapshot_there_is_no_book(self, adapter: BaseAdapter) -> None:
        repository = await keep(adapter, [diff(1, 2, T0), snapshot(5, T0 + 5 * MS)])

        with pytest.raises(BookUnknown, match="no snapshot"):
            await repository.book_at("BTCUSDT", T0 + 4 * MS)
        with pytest.raises(RejectedError, match="naive"):
            await repository.book_at("BTCUSDT", T0.replace(tzinfo=None))

    async def test_a_change_may_bear_an_earlier_time_than_its_snapshot(self, adapter: BaseAdapter) -> None:
        """The time of a spot snapshot is that of the bus; the ids tell the order."""
        repository = await keep(
            adapter, [snapshot(100), diff(101, 101, T0 - 400 * MS, bids=levels(("99", "8"))), diff(102, 102, T0)]
        )

        assert (await repository.book_at("BTCUSDT", T0)).bids[0] == (Decimal(99), Decimal(8))

    async def test_changes_of_one_millisecond_are_applied_in_the_order_of_their_ids(self, adapter: BaseAdapter) -> None:
        changes = [diff(100 + n, 100 + n, T0 + MS, bids=levels(("99", str(n)))) for n in (3, 1, 2)]
        repository = await keep(adapter, [*changes, snapshot(100)])

        assert (await repository.book_at("BTCUSDT", T0 + MS)).bids[0] == (Decimal(99), Decimal(3))

    async def test_vwap_is_exact(self, adapter: BaseAdapter) -> None:
        repository = TradeRepository(adapter)
        dear = trade(3, price=Decimal("99999999999999999999.99"), quantity=Decimal("0.000000000000000001"))
        await repository.insert_batch(
            [
                trade(1, price=Decimal("0.1"), quantity=Decimal(1)),
                trade(2, price=Decimal("0.2"), quantity=Decimal(2)),
                replace(dear, timestamp=T0 + MS),
            ]
        )

        assert await repository.vwap("BTCUSDT", T0, T0 + MS) == Decimal("0.166666666666666667")
        assert await repository.vwap("BTCUSDT", T0 + MS, T0 + 2 * MS) == dear.price
        assert await repository.vwap("BTCUSDT", T0 + 2 * MS, T0 + 3 * MS) is None

    async def test_dead_letters_have_the_plain_verbs_too(self, adapter: BaseAdapter) -> None:
        repository = DeadLetterRepository(adapter)
        await repository.insert(letter(1))
        await repository.insert_batch([letter(2, reason=Reason.NOT_UTF8), letter(3)])

        assert await repository.get(letter(2).id) == letter(2, reason=Reason.NOT_UTF8)
        assert await repository.get("nobody") is None
        assert [each.position async for each in repository.get_range(T0, T0 + 3 * MS)] == ["MARKET/1", "MARKET/2"]
        assert [each.position for each in await repository.get_latest(2)] == ["MARKET/3", "MARKET/2"]
        assert (await repository.count(), await repository.count(Reason.NOT_JSON)) == (3, 2)
        await repository.mark_replayed([letter(1).id], T0)
        assert [each.replayed_at async for each in repository.get_range(T0, T0 + 2 * MS)] == [T0]
        assert await repository.delete([letter(1).id, letter(3).id]) == 2
