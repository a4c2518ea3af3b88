"""Kafka partitions that have messages and give none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from aiokafka import TopicPartition

from consumer.errors import SourceUnavailable

LONGEST_STEP_SECONDS = 1.0


class Stall:
    """Notices when a partition is read and stands still, though the brokers answer and have more of it.

    Time is counted from look to look, at most a second each: while this process stands still, nothing seems to.
    """

    seconds: ClassVar[float] = 8.0  # the next member must get the messages within the 15 s in which we heal

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked = clock()
        self._still: dict[TopicPartition, tuple[int, float]] = {}

    def forget(self) -> None:
        """There is a reason to stand still: the brokers do not answer or refuse, or we do not read."""
        self._still.clear()

    def look(self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        """Note where the reading of each partition is; raises SourceUnavailable when one stood still for too long."""
        step, self._looked = min(LONGEST_STEP_SECONDS, self._clock() - self._looked), self._clock()
        behind = {key: position for key, position in positions.items() if position < ends.get(key, 0)}
        self._still = {key: (position, self._seconds_at(key, position, step)) for key, position in behind.items()}
        for key, (position, seconds) in self._still.items():
            if seconds > self.seconds:
                raise SourceUnavailable(
                    f"{ends[key] - position} messages of {key.topic}/{key.partition} wait, none comes"
                )

    def _seconds_at(self, key: TopicPartition, position: int, step: float) -> float:
        before, seconds = self._still.get(key, (position, -step))
        return seconds + step if before == position else 0.0
