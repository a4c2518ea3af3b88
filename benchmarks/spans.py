"""What was seen of a flow while it ran, and the part of it that counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class NotMeasured(Exception):
    """A row has no numbers; the message says why."""


class Sample(NamedTuple):
    """One look: seconds since the command, messages that have arrived, CPU seconds of the process so far."""

    seconds: float
    messages: int
    cpu_seconds: float


class Span(NamedTuple):
    """What happened between two looks."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu_seconds * 1e6 / self.messages


class Measurement(NamedTuple):
    """What a row says: its span, the seconds from its command to its first message, the most memory it took.

    `figures` are what only this row has, named with their unit.
    """

    span: Span | None = None
    start_seconds: float | None = None
    peak_rss_mb: float | None = None
    figures: Mapping[str, float] = MappingProxyType({})


def middle(rounds: Sequence[T], by: Callable[[T], float]) -> T:
    """The round in the middle by that figure; of two, the smaller one."""
    return sorted(rounds, key=by)[(len(rounds) - 1) // 2]


def of_rounds(rounds: Sequence[Measurement]) -> Measurement:
    """The round whose CPU a message is in the middle, with the most memory and the longest start of all of them."""
    return middle(rounds, lambda found: found.span.cpu_us if found.span else 0.0)._replace(
        start_seconds=max(found.start_seconds or 0.0 for found in rounds),
        peak_rss_mb=max(found.peak_rss_mb or 0.0 for found in rounds),
    )


def between(first: Sample, last: Sample) -> Span:
    """What happened from one look to another."""
    return Span(last.messages - first.messages, last.seconds - first.seconds, last.cpu_seconds - first.cpu_seconds)


def steady(samples: Sequence[Sample], since: int = 0) -> Span:
    """From a tenth to nine tenths of what arrived after the first `since`; raises NotMeasured when that was too quick.

    Starting and draining stay apart, and as much is on its way at the end as at the beginning: work on
    messages that have not arrived yet is counted neither twice nor not at all.
    """
    arrived = [sample for sample in samples if sample.messages > since]
    total = arrived[-1].messages - since if arrived else 0
    first = next((sample for sample in arrived if sample.messages >= since + total * 0.1), None)
    last = next((sample for sample in arrived if sample.messages >= since + total * 0.9), None)
    if first is None or last is None or first is last:
        raise NotMeasured(f"{total} messages arrived between two looks: too few to measure")
    return between(first, last)


def of_ceiling(span: Span | None, ceiling: Span | None) -> float | None:
    """The rate as a share of what the database can take."""
    return None if span is None or ceiling is None else span.rate / ceiling.rate
