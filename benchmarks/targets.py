"""What each row is to reach: the table of the issue that asked for the speed, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

Rows = Mapping[str, Mapping[str, Any]]
"""The rows of a report, by name; each a figure by name, absent or null where it was not measured."""

RATE, CPU, RSS, START = "docs_per_second", "cpu_us_per_message", "peak_rss_mb", "start_seconds"


class Verdict(StrEnum):
    """How a target was met."""

    BEYOND = "beyond"
    MET = "met"
    MISSED = "MISSED"
    UNKNOWN = "not measured"


class Target(NamedTuple):
    """A figure of a row, `at_most` or at least so much; `of` another row's, where one is named."""

    row: str
    figure: str
    bound: float
    beyond: float | None = None
    of: str = ""
    at_most: bool = False

    def measured(self, rows: Rows) -> float | None:
        """The figure, or its ratio; None when something of it was not measured."""
        if self.row == ANY:
            return max(_known(rows, self.figure), default=None)
        value = _figure(rows, self.row, self.figure)
        base = _figure(rows, self.of, self.figure) if self.of else 1.0
        return None if value is None or base is None else value / base

    def verdict(self, rows: Rows) -> Verdict:
        """Whether it is met."""
        value = self.measured(rows)
        if value is None:
            return Verdict.UNKNOWN
        if self.beyond is not None and self._reached(value, self.beyond):
            return Verdict.BEYOND
        return Verdict.MET if self._reached(value, self.bound) else Verdict.MISSED

    def _reached(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound

    @property
    def asked(self) -> str:
        """The bound in words."""
        return self._words(self.bound)

    @property
    def asked_beyond(self) -> str:
        """The bound beyond it in words, if there is one."""
        return "" if self.beyond is None else self._words(self.beyond)

    def _words(self, bound: float) -> str:
        return f"{NAMES[self.figure]} {'≤' if self.at_most else '≥'} {bound:,g}{f' of {self.of}' if self.of else ''}"


ANY = "any row"
NAMES: Mapping[str, str] = {
    RATE: "docs/s",
    CPU: "CPU µs",
    RSS: "RSS MB",
    START: "start s",
    "of_first_delivery": "rate / first delivery's",
    "writes_a_flush": "writes / candle and flush",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
}


def _at_most(row: str, figure: str, bound: float, beyond: float | None = None, of: str = "") -> Target:
    return Target(row, figure, bound, beyond, of, at_most=True)


TARGETS: tuple[Target, ...] = (
    _at_most("kafka-mongodb", CPU, 7, 3),
    Target("kafka-mongodb", RATE, 0.3, 0.8, of="ceiling"),
    _at_most("kafka-mongodb", START, 1),
    _at_most("jetstream-mongodb", CPU, 14, 10),
    Target("jetstream-mongodb", RATE, 0.5, 0.8, of="standing-pull"),
    Target("file-mongodb", RATE, 0.3, 0.8, of="ceiling"),
    Target("file-parquet", RATE, 120_000, 250_000),
    Target("depth", RATE, 20_000),
    _at_most("depth", CPU, 50, 30),
    _at_most("mixed", CPU, 15),
    Target("many-symbols", RATE, 0.5, 0.8, of="few-symbols"),
    Target("redelivered", "of_first_delivery", 0.2, 1),
    _at_most("candles", "writes_a_flush", 1),
    _at_most("kafka-paced", "p50_ms", 60),
    _at_most("kafka-paced", "p99_ms", 250, 100),
    _at_most(ANY, RSS, 250, 150),
    _at_most("two-workers", CPU, 1.1, of="kafka-mongodb"),
)
PEER_TARGETS: tuple[Target, ...] = (
    Target("tapestore", RATE, 4, 5, of="benthos-journaled"),
    Target("tapestore", RATE, 4, 5, of="benthos"),
    Target("tapestore", RATE, 7, of="connect"),
    Target("tapestore", RATE, 0.3, 0.8, of="ceiling"),
)


def lines(targets: Iterable[Target], rows: Rows, titles: Mapping[str, str]) -> list[tuple[str, ...]]:
    """A line of a table for each target: row, target, beyond, measured, verdict."""
    return [
        (
            titles.get(target.row, target.row),
            target.asked,
            target.asked_beyond,
            _told(target.measured(rows)),
            str(target.verdict(rows)),
        )
        for target in targets
    ]


HEAD = ("row", "target", "beyond", "measured", "")


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _figure(rows: Rows, row: str, figure: str) -> float | None:
    value: float | None = rows.get(row, {}).get(figure)
    return value


def _known(rows: Rows, figure: str) -> list[float]:
    return [value for row in rows.values() if (value := row.get(figure)) is not None]
