"""Intervals of the market."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from storage.errors import RejectedError
from storage.records import Candle
from storage.repositories.base import Repository
from storage.tables import CANDLES
from storage.timeframes import Timeframe, timeframe_of


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles that are missing: open times from `start` (inclusive) to `end` (exclusive), `count` of them."""

    timeframe: str
    start: datetime
    end: datetime
    count: int

    def open_times(self) -> Iterator[datetime]:
        """The open time of each missing candle."""
        steps = timeframe_of(self.timeframe, self.start)
        first = steps.first_from(self.start)
        return (steps.at(first + number) for number in range(self.count))


class CandleRepository(Repository[Candle]):
    """Candles by symbol and timeframe; the newest version of each stays."""

    table = CANDLES

    async def gaps(self, symbol: str, timeframe: str, start: datetime, end: datetime) -> list[Gap]:
        """The open times from `start` (inclusive) to `end` (exclusive) at which there is no candle, in runs.

        A candle that is there and not closed is no gap; one between two open times fills none. Where a
        timeframe of several days begins, the first candle of the range says.
        """
        search: _Search | None = None
        async for candle in self.get_range(symbol, start, end, timeframe):
            search = search or _Search(timeframe, start, anchor=candle.timestamp)
            search.saw(candle.timestamp)
        return (search or _Search(timeframe, start)).end(end)


class _Search:
    """Looks for gaps in open times that come in their order."""

    def __init__(self, timeframe: str, start: datetime, anchor: datetime | None = None) -> None:
        self._timeframe = timeframe
        self._steps = _steps(timeframe, anchor)
        self._expected = self._steps.first_from(start)
        self._gaps: list[Gap] = []

    def saw(self, time: datetime) -> None:
        number = self._steps.first_from(time)
        if self._steps.at(number) == time:
            self._note_gap(number)
            self._expected = number + 1

    def end(self, time: datetime) -> list[Gap]:
        self._note_gap(self._steps.first_from(time))
        return self._gaps

    def _note_gap(self, number: int) -> None:
        first, at = self._expected, self._steps.at
        if first < number:
            self._gaps.append(Gap(self._timeframe, at(first), at(number), number - first))


def _steps(timeframe: str, anchor: datetime | None = None) -> Timeframe:
    try:
        return timeframe_of(timeframe, anchor)
    except ValueError as error:
        raise RejectedError(str(error)) from error
