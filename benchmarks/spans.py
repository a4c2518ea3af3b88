"""What was seen of a flow while it ran, and the part of it that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


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


def of_rounds(rounds: Sequence[Measurement]) -> Measurement:
    """The rate and the CPU a message of the rounds in the middle by each, with the most memory and the longest start.

    The rate is from one round, the CPU may be from another one: both are a median.
    """
    spans = [found.span for found in rounds if found.span]
    return rounds[0]._replace(
        span=_median(spans) if spans else None,
        start_seconds=max((found.start_seconds for found in rounds if found.start_seconds is not None), default=None),
        peak_rss_mb=max((found.peak_rss_mb for found in rounds if found.peak_rss_mb is not None), default=None),
    )


def _median(spans: Sequence[Span]) -> Span:
    by_rate, cpu_us = sorted(spans, key=lambda span: span.rate), sorted(span.cpu_us for span in spans)
    place = (len(spans) - 1) // 2
    return by_rate[place]._replace(cpu_seconds=cpu_us[place] * by_rate[place].messages / 1e6)


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
