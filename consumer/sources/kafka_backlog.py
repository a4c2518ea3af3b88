"""The records that were fetched from Kafka and wait to be received."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import NamedTuple

from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, offset_of, size_of, value_of
from consumer.sources.kafka_sorted import Sorted
from consumer.tasks import occurs


@dataclass(slots=True)
class Run:
    """Records of one partition that follow each other; `size` is the bytes of their values."""

    partition: Partition
    rows: Sequence[Row]
    size: int


class Bounds(NamedTuple):
    """At so many messages or bytes it is full; with the share `low` of both, or less, it has room again."""

    messages: int
    bytes: int
    low: float = 0.5

    def reached(self, messages: int, size: int) -> bool:
        """Whether so much fills it."""
        return messages >= self.messages or size >= self.bytes

    def leave_room(self, messages: int, size: int) -> bool:
        """Whether so much leaves room."""
        return messages <= self.messages * self.low and size <= self.bytes * self.low


class Backlog:
    """Runs in the order in which they came, or, while it `sorts`, those of the same key together.

    The bounds say when to stop fetching: what was fetched is taken in, however much it is.
    """

    def __init__(self, bounds: Bounds, sorting: Bounds) -> None:
        self.sorts = False
        self._bounds = bounds
        self._sorting = sorting
        self._runs: deque[Run] = deque()
        self._messages = 0
        self._bytes = 0
        self._sorted = Sorted()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._runs or self._sorted)

    @property
    def full(self) -> bool:
        bounds, messages, size = self._state
        return bounds.reached(messages, size)

    @property
    def has_room(self) -> bool:
        """Whether it is well below its bounds: fetching that starts and stops at the same mark would stutter."""
        bounds, messages, size = self._state
        return bounds.leave_room(messages, size)

    @property
    def _state(self) -> tuple[Bounds, int, int]:
        """What holds for it now, and how much is there of that."""
        if self._sorting_now:
            return self._sorting, self._sorted.messages, self._sorted.bytes
        return self._bounds, self._messages, self._bytes

    @property
    def holds_sorted(self) -> bool:
        """Whether anything that is sorted waits."""
        return bool(self._sorted)

    @property
    def _sorting_now(self) -> bool:
        """What follows something that is sorted is sorted too: it would overtake it."""
        return self.sorts or self.holds_sorted

    def put(self, partition: Partition, rows: Sequence[Row]) -> None:
        """Append what was fetched."""
        if self._sorting_now:
            self._sorted.put(partition, rows)
        else:
            self._append(Run(partition, rows, size_of(rows)))
        self._arrived.set()

    def take(self, max_messages: int, max_bytes: int) -> list[Run]:
        """Remove at most so much from the front, but one record at least."""
        taken: list[Run] = []
        while max_messages > 0 and self._has_run(max_messages, max_bytes):
            fitting = _fitting(self._runs[0], max_messages, max_bytes)
            if taken and not fitting:
                break
            taken.append(run := self._cut(fitting or 1))
            max_messages -= len(run.rows)
            max_bytes -= run.size
        if self.has_room:
            self._room.set()
        return _joined(taken)

    def drop(self, partition: Partition | None = None) -> None:
        """Forget what waits of this partition, or everything."""
        kept = [run for run in self._runs if partition is not None and run.partition is not partition]
        self._runs = deque(kept)
        self._messages = sum(len(run.rows) for run in kept)
        self._bytes = sum(run.size for run in kept)
        if partition is None:
            self._sorted = Sorted()
        else:
            self._sorted.drop(partition)
        if self.has_room:
            self._room.set()

    async def arrival(self, seconds: float) -> None:
        """Wait until something is there to take, at most so long."""
        if not self:
            self._arrived.clear()
            await occurs(self._arrived, seconds)

    async def room(self, seconds: float) -> None:
        """Wait until it has room, at most so long."""
        if not self.has_room:
            self._room.clear()
            await occurs(self._room, seconds)

    def _has_run(self, max_messages: int, max_bytes: int) -> bool:
        """Whether there is one in front: what is sorted comes after all that came before it was."""
        if not self._runs and self._sorted:
            self._append(Run(*self._sorted.take(max_messages, max_bytes)))
        return bool(self._runs)

    def _append(self, run: Run) -> None:
        self._runs.append(run)
        self._count(run, 1)

    def _cut(self, count: int) -> Run:
        run = self._runs.popleft()
        if count < len(run.rows):
            taken, rest = run.rows[:count], run.rows[count:]
            size = size_of(taken)
            self._runs.appendleft(Run(run.partition, rest, run.size - size))
            run = Run(run.partition, taken, size)
        self._count(run, -1)
        return run

    def _count(self, run: Run, sign: int) -> None:
        self._messages += sign * len(run.rows)
        self._bytes += sign * run.size


def _joined(runs: Sequence[Run]) -> list[Run]:
    """The same messages in as few runs as they can be: each is of one partition, and in its order."""
    joined: list[list[Run]] = []
    for run in runs:
        if joined and _follows(joined[-1][-1], run):
            joined[-1].append(run)
        else:
            joined.append([run])
    return [_one(some) for some in joined]


def _follows(before: Run, run: Run) -> bool:
    return before.partition is run.partition and offset_of(before.rows[-1]) < offset_of(run.rows[0])


def _one(runs: Sequence[Run]) -> Run:
    if len(runs) == 1:
        return runs[0]
    return Run(runs[0].partition, list(chain.from_iterable(run.rows for run in runs)), sum(run.size for run in runs))


def _fitting(run: Run, max_messages: int, max_bytes: int) -> int:
    """How many records from the front of the run fit."""
    if len(run.rows) <= max_messages and run.size <= max_bytes:
        return len(run.rows)
    sizes = accumulate(map(len, map(value_of, islice(run.rows, max_messages))))
    return bisect_right(list(sizes), max_bytes)
