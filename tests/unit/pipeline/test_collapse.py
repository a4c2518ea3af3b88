"""Which record of a key leads, and what becomes of the others."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from consumer.pipeline.collapse import collapse
from storage import Candle, Outcome, Trade
from storage.outcomes import DUPLICATE, STALE, STORED, conflict, retry
from storage.tables import CANDLES, TRADES

OPEN = datetime(2026, 1, 1, tzinfo=UTC)


def trade(trade_id: int, price: str = "1") -> Trade:
    return Trade(symbol="A", timestamp=OPEN, trade_id=trade_id, price=D(price), quantity=D(1), is_buyer_maker=True)


def candle(seconds: int, *, closed: bool = False, close: str = "1") -> Candle:
    return Candle(
        symbol="A",
        timestamp=OPEN,
        timeframe="1m",
        open=D(1),
        high=D(1),
        low=D(1),
        close=D(close),
        volume=D(1),
        trades_count=1,
        is_closed=closed,
        event_time=OPEN + timedelta(seconds=seconds),
    )


def test_different_keys_all_lead() -> None:
    chosen = collapse(TRADES, [trade(1), trade(2)])
    assert (list(chosen.leaders), chosen.followers, chosen.waiting) == ([0, 1], {}, [])


def test_the_first_of_equal_trades_leads_and_the_rest_are_duplicates() -> None:
    chosen = collapse(TRADES, [trade(1, "1.0"), trade(1, "1.00"), trade(2)])
    assert chosen.fates([STORED, STORED]) == {0: STORED, 1: DUPLICATE, 2: STORED}


def test_other_content_waits_for_a_round_of_its_own() -> None:
    chosen = collapse(TRADES, [trade(1, "1"), trade(1, "2")])
    assert (chosen.leaders, chosen.waiting) == ([0], [1])


def test_the_newest_candle_leads_whatever_the_order() -> None:
    chosen = collapse(CANDLES, [candle(2), candle(9), candle(1)])
    assert chosen.fates([STORED]) == {1: STORED, 0: STALE, 2: STALE}


def test_a_closed_candle_leads_over_a_later_open_one() -> None:
    chosen = collapse(CANDLES, [candle(2, closed=True), candle(9)])
    assert chosen.leaders == [0]


def test_a_tie_with_other_content_waits() -> None:
    chosen = collapse(CANDLES, [candle(2, close="1"), candle(2, close="3")])
    assert (chosen.leaders, chosen.waiting) == ([0], [1])


def test_followers_of_a_leader_that_is_not_durable_are_not_either() -> None:
    chosen = collapse(TRADES, [trade(1), trade(1)])
    fates = chosen.fates([retry("election")])
    assert [fates[index].outcome for index in (0, 1)] == [Outcome.RETRY, Outcome.RETRY]


def test_followers_share_a_conflict() -> None:
    chosen = collapse(TRADES, [trade(1), trade(1)])
    fates = chosen.fates([conflict({"price": D(7)})])
    assert [fates[index].outcome for index in (0, 1)] == [Outcome.CONFLICT, Outcome.CONFLICT]
