"""The open times of candles: when one of them follows the other.

Seconds, minutes, hours and days are counted from the epoch, weeks from a Monday, months by the calendar, as
exchanges do. Of several days exchanges disagree where to begin: there the first candle that is known says it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.tables import TIMEFRAME
from storage.times import EPOCH

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """Open times, numbered: `at` gives the time of a number, `first_from` the first number at or after a time."""

    at: Callable[[int], datetime]
    first_from: Callable[[datetime], int]


def timeframe_of(text: str, anchor: datetime | None = None) -> Timeframe:
    """The open times of a timeframe such as 1m, 4h, 1w or 1M; raises ValueError for any other text.

    `anchor` is an open time that is known.
    """
    count = int(text[:-1]) if TIMEFRAME.fullmatch(text) else 0
    if count == 0:
        raise ValueError(f"{text[:80]!r} is no timeframe such as 1m, 4h, 1w or 1M")
    if text[-1] == "M":
        return _months(count)
    if text[-1] == "d" and count > 1:
        return _steps(anchor or EPOCH, count * _UNITS["d"])
    return _steps(MONDAY if text[-1] == "w" else EPOCH, count * _UNITS[text[-1]])


def _steps(origin: datetime, step: timedelta) -> Timeframe:
    return Timeframe(
        at=lambda number: origin + number * step,
        first_from=lambda time: -((origin - time) // step),
    )


def _months(count: int) -> Timeframe:
    def at(number: int) -> datetime:
        year, month = divmod(number * count, 12)
        return datetime(year, month + 1, 1, tzinfo=UTC)

    def first_from(time: datetime) -> int:
        utc = time.astimezone(UTC)
        number = (utc.year * 12 + utc.month - 1) // count
        return number if at(number) >= utc else number + 1

    return Timeframe(at, first_from)
