"""The records that were fetched from Kafka and wait to be received."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, islice

from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, value_of
from consumer.tasks import occurs


@dataclass(slots=True)
class Run:
    """Records of one partition that follow each other; `size` is the bytes of their values."""

    partition: Partition
    rows: Sequence[Row]
    size: int


class Backlog:
    """Runs in the order in which they came, counted by messages and bytes.

    The bounds say when to stop fetching: what was fetched is taken in, however much it is.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._runs: deque[Run] = deque()
        self._messages = 0
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def full(self) -> bool:
        return self._messages >= self._max_messages or self._bytes >= self._max_bytes

    @property
    def has_room(self) -> bool:
        """Whether it is half empty: fetching that starts and stops at the same mark would stutter."""
        return self._messages * 2 <= self._max_messages and self._bytes * 2 <= self._max_bytes

    def put(self, partition: Partition, rows: Sequence[Row]) -> None:
        """Append what was fetched."""
        self._runs.append(run := Run(partition, rows, _size(rows)))
        self._count(run, 1)
        self._arrived.set()

    def take(self, max_messages: int, max_bytes: int) -> list[Run]:
        """Remove at most so much from the front, but one record at least."""
        taken: list[Run] = []
        while self._runs and max_messages > 0:
            fitting = _fitting(self._runs[0], max_messages, max_bytes)
            if taken and not fitting:
                break
            taken.append(run := self._cut(fitting or 1))
            max_messages -= len(run.rows)
            max_bytes -= run.size
        if self.has_room:
            self._room.set()
        return [_joined(list(runs)) for _, runs in groupby(taken, key=lambda run: id(run.partition))]

    def drop(self, partition: Partition | None = None) -> None:
        """Forget what waits of this partition, or everything."""
        kept = [run for run in self._runs if partition is not None and run.partition is not partition]
        self._runs = deque(kept)
        self._messages = sum(len(run.rows) for run in kept)
        self._bytes = sum(run.size for run in kept)
        if self.has_room:
            self._room.set()

    async def arrival(self, seconds: float) -> None:
        """Wait until something is there to take, at most so long."""
        if not self._runs:
            self._arrived.clear()
            await occurs(self._arrived, seconds)

    async def room(self, seconds: float) -> None:
        """Wait until it is half empty, at most so long."""
        if not self.has_room:
            self._room.clear()
            await occurs(self._room, seconds)

    def _cut(self, count: int) -> Run:
        run = self._runs.popleft()
        if count < len(run.rows):
            rest = run.rows[count:]
            run = Run(run.partition, run.rows[:count], run.size - _size(rest))
            self._runs.appendleft(Run(run.partition, rest, _size(rest)))
        self._count(run, -1)
        return run

    def _count(self, run: Run, sign: int) -> None:
        self._messages += sign * len(run.rows)
        self._bytes += sign * run.size


def _joined(runs: Sequence[Run]) -> Run:
    """Runs of one partition as one."""
    if len(runs) == 1:
        return runs[0]
    return Run(runs[0].partition, list(chain.from_iterable(run.rows for run in runs)), sum(run.size for run in runs))


def _size(rows: Sequence[Row]) -> int:
    return sum(map(len, map(value_of, rows)))


def _fitting(run: Run, max_messages: int, max_bytes: int) -> int:
    """How many records from the front of the run fit."""
    if len(run.rows) <= max_messages and run.size <= max_bytes:
        return len(run.rows)
    sizes = accumulate(map(len, map(value_of, islice(run.rows, max_messages))))
    return bisect_right(list(sizes), max_bytes)
