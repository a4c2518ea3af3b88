"""What the buses are filled with: feeds by name, the same in each run."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from benchmarks.trades import SYMBOLS, trades
from consumer.simulator.candles import Candle
from consumer.simulator.envelope import Envelope, Simulated
from consumer.simulator.instruments import instruments
from consumer.simulator.market import START_MS, Market

MIX = {"trade": 0.40, "futures_depth": 0.30, "futures_book_ticker": 0.15, "mark_price": 0.10, "kline": 0.05}
FOUR_KINDS = {
    "trade": "trades",
    "agg_trade": "agg_trades",
    "futures_book_ticker": "book_tickers",
    "mini_ticker": "mini_tickers",
}
EVEN = dict.fromkeys(FOUR_KINDS, 0.25)
MANY_SYMBOLS = 1000
STEP_MS = 10.0
CANDLES = 100
CANDLE_STEP_MS = 250  # four updates a second


class Feed(NamedTuple):
    """Messages; the first `unmeasured` of them only prepare what is measured."""

    messages: list[Simulated]
    unmeasured: int = 0


class Kind(NamedTuple):
    """How a feed is made for a number of messages, and which share of the benchmark's number it has."""

    share: float
    make: Callable[[int], Feed]


def _trades(count: int) -> Feed:
    return Feed(trades(count))


def _depth(count: int) -> Feed:
    """Twenty levels a side."""
    market = Market(symbols=SYMBOLS, kinds=("futures_partial_depth",), step_ms=STEP_MS, keep_truth=False)
    return Feed(list(islice(market, count)))


def _mixed(count: int) -> Feed:
    return Feed(list(islice(mix(MIX, SYMBOLS), count)))


def _few_symbols(count: int) -> Feed:
    return Feed(list(islice(mix(EVEN, SYMBOLS), count)))


def _many_symbols(count: int) -> Feed:
    """The first message of each collection goes ahead of all others: the consumer looks after the collection then."""
    messages = list(islice(mix(EVEN, _many(count)), count))
    first = {message.subject: message for message in reversed(messages)}
    rest = [message for message in messages if first[message.subject] is not message]
    return Feed([*first.values(), *rest], unmeasured=len(first))


def _many(count: int) -> int:
    """So many symbols that each has something to say more than once."""
    return min(MANY_SYMBOLS, count // 400)


def many_collections(messages: int) -> list[str]:
    """Where the messages of `many-symbols` go, in a benchmark of so many messages."""
    symbols = [instrument.symbol for instrument in instruments(_many(int(messages * FEEDS["many-symbols"].share)))]
    return [f"{table}_{symbol}" for symbol in symbols for table in FOUR_KINDS.values()]


def _twice(count: int) -> Feed:
    messages = trades(count)
    return Feed(messages + messages, unmeasured=count)


def _candles(count: int) -> Feed:
    """Updates of one-minute candles, each four times a second; all candles are open until the end."""
    running = [Candle(instrument, "1m", START_MS) for instrument in instruments(CANDLES)]
    chance = random.Random(0).random
    envelope = Envelope(chance, None)
    times = range(START_MS, START_MS + count // CANDLES * CANDLE_STEP_MS, CANDLE_STEP_MS)
    return Feed([envelope.wrap(candle.update(now, chance)) for now in times for candle in running])


def mix(shares: Mapping[str, float], symbols: int) -> Iterable[Simulated]:
    """Markets of one kind each, merged by time, so that each has its share of the messages."""
    return heapq.merge(
        *(
            Market(symbols=symbols, kinds=(kind,), subject=None, step_ms=STEP_MS / share, keep_truth=False)
            for kind, share in shares.items()
        ),
        key=lambda message: message.time_ms,
    )


FEEDS: Mapping[str, Kind] = {
    "trades": Kind(1.0, _trades),
    "depth": Kind(0.4, _depth),
    "mixed": Kind(1.0, _mixed),
    "few-symbols": Kind(6.0, _few_symbols),
    "many-symbols": Kind(6.0, _many_symbols),
    "twice": Kind(1.25, _twice),
    "candles": Kind(0.1, _candles),
}


def feed(name: str, messages: int) -> Feed:
    """The feed of that name in a benchmark of so many messages."""
    return FEEDS[name].make(int(messages * FEEDS[name].share))
