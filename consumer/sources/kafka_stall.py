"""Two ways in which Kafka gives nothing: brokers that are silent, and partitions that have messages and give none.

Time is counted from look to look, so much each at most: while this process stands still, nothing seems to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from aiokafka import TopicPartition

from consumer.errors import SourceUnavailable

Clock = Callable[[], float]


class Ticks:
    """The time from one look to the next, at most `longest` seconds."""

    def __init__(self, clock: Clock, longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._looked = clock()

    def step(self) -> float:
        """Seconds since the step before."""
        step, self._looked = self._clock() - self._looked, self._clock()
        return min(self._longest, step)


class Silence:
    """For how long the brokers have answered no fetch; `seconds` is what the last look found."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self.seconds = 0.0
        self._ticks = Ticks(clock, longest=4.0)  # a commit that nobody answers comes between two looks
        self._latest: int | None = None

    def look(self, latest: int | None) -> float:
        """The seconds for which the `latest` answer has been the same; None when none is expected."""
        step = self._ticks.step()
        self.seconds = self.seconds + step if latest is not None and latest == self._latest else 0.0
        self._latest = latest
        return self.seconds


class Stall:
    """Notices when a partition is read and stands still, though the brokers answer and have more of it."""

    seconds: ClassVar[float] = 8.0  # the next member must get the messages within the 15 s in which we heal

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._ticks = Ticks(clock, longest=1.0)
        self._still: dict[TopicPartition, tuple[int, float]] = {}

    def forget(self) -> None:
        """There is a reason to stand still: the brokers do not answer or refuse, or the partitions are others now."""
        self._still.clear()

    def look(self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        """Note where the reading of each partition is; raises SourceUnavailable when one stood still for too long.

        For those that are not read now time stands still.
        """
        step = self._ticks.step()
        behind = {key: position for key, position in positions.items() if position < ends.get(key, 0)}
        read = {key: (position, self._seconds_at(key, position, step)) for key, position in behind.items()}
        self._still = {key: at for key, at in self._still.items() if key not in positions} | read
        for key, (position, seconds) in read.items():
            if seconds > self.seconds:
                raise SourceUnavailable(
                    f"{ends[key] - position} messages of {key.topic}/{key.partition} wait, none comes"
                )

    def _seconds_at(self, key: TopicPartition, position: int, step: float) -> float:
        before, seconds = self._still.get(key, (position, -step))
        return seconds + step if before == position else 0.0
