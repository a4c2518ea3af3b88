"""Every kind of message, how often it comes, and whose market speaks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from consumer.simulator.book import (
    book_ticker,
    depth,
    futures_book_ticker,
    futures_depth,
    futures_partial_depth,
    partial_depth,
)
from consumer.simulator.drafts import Draft
from consumer.simulator.funding import mark_price
from consumer.simulator.instruments import Instrument, Random
from consumer.simulator.tape import agg_trade, futures_trade, liquidation, trade
from consumer.simulator.tickers import mini_ticker, ticker

Make = Callable[[Instrument, int, Random], Draft]
"""One message about an instrument at a time in epoch milliseconds."""

LIST_LENGTH = 20


class Kind(NamedTuple):
    """How many of a thousand messages are of this kind, and its market in hierarchical subjects."""

    weight: float
    market: str


SINGLE: Mapping[str, Make] = {
    "trade": trade,
    "futures_trade": futures_trade,
    "agg_trade": agg_trade,
    "depth": depth,
    "futures_depth": futures_depth,
    "partial_depth": partial_depth,
    "futures_partial_depth": futures_partial_depth,
    "book_ticker": book_ticker,
    "futures_book_ticker": futures_book_ticker,
    "ticker": ticker,
    "mini_ticker": mini_ticker,
    "mark_price": mark_price,
    "liquidation": liquidation,
}
LISTS: Mapping[str, tuple[str, Make]] = {
    "mark_price_list": ("!markPrice@arr@1s", mark_price),
    "ticker_list": ("!ticker@arr", ticker),
    "mini_ticker_list": ("!miniTicker@arr", mini_ticker),
}
KINDS: Mapping[str, Kind] = {
    "trade": Kind(180, "spot"),
    "futures_trade": Kind(120, "futures"),
    "agg_trade": Kind(200, "futures"),
    "kline": Kind(90, "spot"),
    "continuous_kline": Kind(20, "futures"),
    "depth": Kind(60, "spot"),
    "futures_depth": Kind(90, "futures"),
    "partial_depth": Kind(35, "spot"),
    "futures_partial_depth": Kind(35, "futures"),
    "book_ticker": Kind(50, "spot"),
    "futures_book_ticker": Kind(70, "futures"),
    "ticker": Kind(8, "spot"),
    "mini_ticker": Kind(8, "spot"),
    "mark_price": Kind(22, "futures"),
    "liquidation": Kind(4, "futures"),
    "mark_price_list": Kind(3, "futures"),
    "ticker_list": Kind(2, "spot"),
    "mini_ticker_list": Kind(2, "spot"),
    "funding_row": Kind(0, "futures"),  # comes by the clock: at the start and after each funding time
    "control": Kind(1, "futures"),
}


def listed(kind: str, instruments: list[Instrument], now: int, random: Random) -> list[Draft]:
    """What one message says about several instruments, to be joined."""
    start = int(random() * len(instruments))
    chosen = (instruments[start:] + instruments[:start])[:LIST_LENGTH]
    return [LISTS[kind][1](instrument, now, random) for instrument in chosen]


def joined(kind: str, drafts: list[Draft]) -> Draft:
    """Several payloads as the one list that a message of this kind carries."""
    return Draft(
        kind=kind,
        symbol=drafts[0].symbol,
        stream=LISTS[kind][0],
        payload="[" + ",".join([draft.payload for draft in drafts]) + "]",
        time_ms=drafts[0].time_ms,
        facts=tuple([fact for draft in drafts for fact in draft.facts]),
        rejected=tuple([reason for draft in drafts for reason in draft.rejected]),
        wrapped=True,
    )


def control(now: int, random: Random) -> Draft:
    """The answer to a subscription: nothing is said of a market."""
    payload = f'{{"result":null,"id":{1 + int(random() * 100)}}}'
    return Draft(kind="control", symbol="", stream="", payload=payload, time_ms=now, bare=True)
