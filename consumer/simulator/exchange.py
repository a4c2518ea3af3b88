"""What an exchange says, one draft after another: by chance, and by the clock where the clock decides."""

from __future__ import annotations

import heapq
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, count

from consumer.simulator.broken import nth_broken
from consumer.simulator.candles import CONTRACT, TIMEFRAMES, Candle
from consumer.simulator.drafts import Draft
from consumer.simulator.faults import Due
from consumer.simulator.funding import funding_row, next_funding
from consumer.simulator.instruments import FUNDING_MS, Random, instruments
from consumer.simulator.kinds import KINDS, LISTS, SINGLE, control, joined, listed

_OFTEN = ("1m", "1m")  # listed twice more than the others: short candles are updated most
_CONTINUOUS = ("1m", "1h")
_CLOSING_MS = 500
_FUNDING_ROW_MS = 30_000

Event = Callable[[int], Draft | None]
"""What is said at a time; nothing when it was said already."""


class Agenda:
    """Events that wait for their time."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int, Event]] = []
        self._added = count()

    def add(self, time_ms: int, event: Event) -> None:
        """Let it happen then."""
        heapq.heappush(self._events, (time_ms, next(self._added), event))

    def due(self, now: int) -> Iterator[Draft]:
        """What has to be said by now."""
        while self._events and self._events[0][0] <= now:
            if draft := heapq.heappop(self._events)[2](now):
                yield draft


class Exchange:
    """The drafts of some instruments, without an end.

    `now` is when it opens, in epoch milliseconds, `step_ms` the mean time between two drafts.
    """

    def __init__(self, symbols: int, kinds: Sequence[str], now: int, step_ms: float, random: Random) -> None:
        if symbols < 1:
            raise ValueError("a market has at least one symbol")
        self._kinds = _known(kinds)
        self._cumulative = list(accumulate(KINDS[kind].weight for kind in self._kinds))
        self._instruments = instruments(symbols)
        self._now, self._step_ms, self._random = now, step_ms, random
        self._agenda = Agenda()
        self._candles = {kind: self._opened(kind) for kind in ("kline", "continuous_kline") if kind in kinds}
        if "funding_row" in kinds:
            self._plan_funding_rows(next_funding(now) - FUNDING_MS)

    def drafts(self, same_ms: float, broken: float, trouble: Random) -> Iterator[Draft]:
        """Everything that is said; these shares of it in one millisecond or broken, by the chance of `trouble`."""
        burst_due, broken_due, nth = Due(same_ms), Due(broken), count()
        while True:
            self._now += int(self._random() * 2 * self._step_ms)
            yield from self._agenda.due(self._now)
            yield self._any()
            if burst_due():
                yield from self._burst(trouble)
            if broken_due():
                yield nth_broken(next(nth), self._instruments, self._now, trouble)

    def _any(self) -> Draft:
        kind = self._kinds[bisect(self._cumulative, self._random() * self._cumulative[-1])]
        if make := SINGLE.get(kind):
            return make(self._instruments[int(self._random() * len(self._instruments))], self._now, self._random)
        if candles := self._candles.get(kind):
            return candles[int(self._random() * len(candles))].update(self._now, self._random)
        if kind in LISTS:
            return joined(kind, listed(kind, self._instruments, self._now, self._random))
        return control(self._now, self._random)

    def _burst(self, trouble: Random) -> Iterator[Draft]:
        """Several trades of one instrument in this millisecond."""
        if kinds := [kind for kind in ("trade", "futures_trade", "agg_trade") if kind in self._kinds]:
            instrument = self._instruments[int(trouble() * len(self._instruments))]
            make = SINGLE[kinds[int(trouble() * len(kinds))]]
            yield from (make(instrument, self._now, self._random) for _ in range(2 + int(trouble() * 4)))

    def _opened(self, kind: str) -> list[Candle]:
        frames, contract = ((*TIMEFRAMES, *_OFTEN), "") if kind == "kline" else (_CONTINUOUS, CONTRACT)
        candles = {
            (i.symbol, frame): Candle(i, frame, self._now, contract)
            for i in self._instruments
            for frame in dict.fromkeys(frames)
        }
        for candle in candles.values():
            self._plan_closing(candle)
        return [candles[i.symbol, frame] for i in self._instruments for frame in frames]

    def _plan_closing(self, candle: Candle) -> None:
        """See to it that a candle is closed even when chance says nothing of it in time."""
        opened = candle.opened

        def close(now: int) -> Draft | None:
            draft = candle.update(now, self._random) if candle.opened == opened else None
            self._plan_closing(candle)
            return draft

        self._agenda.add(candle.closes + 1 + int(self._random() * _CLOSING_MS), close)

    def _plan_funding_rows(self, settled: int) -> None:
        """Each instrument's row of history comes some time after the funding."""
        for instrument in self._instruments:
            when = max(settled, self._now) + int(self._random() * _FUNDING_ROW_MS)
            self._agenda.add(when, partial(funding_row, instrument, settled, self._random))
        self._agenda.add(settled + FUNDING_MS, lambda _: self._plan_funding_rows(settled + FUNDING_MS))


def _known(kinds: Sequence[str]) -> list[str]:
    """The kinds that come by chance; raises ValueError for others and for none."""
    if unknown := sorted(set(kinds) - KINDS.keys()):
        raise ValueError(f"no kind of message is called {unknown[0]!r}: known are {', '.join(KINDS)}")
    weighted = [kind for kind in KINDS if kind in kinds and KINDS[kind].weight]
    if not weighted:
        raise ValueError("ask for at least one kind that comes by chance, such as trade")
    return weighted
