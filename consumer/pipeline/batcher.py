"""Gathers parts into batches, one open batch a lane, cut by count, bytes or age. Pure: the clock is passed in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, islice
from typing import Any, Generic, Protocol, Self, TypeVar

Lane = TypeVar("Lane")
Part = TypeVar("Part")


class Parts(Protocol):
    """Parts that go to the same lane."""

    @property
    def sizes(self) -> Sequence[int]:
        """The bytes of each."""
        ...

    @property
    def size(self) -> int:
        """The bytes of all."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, some: slice, /) -> Self: ...

    def join(self, others: list[Any]) -> None:
        """Follow these parts."""
        ...


class Loose(Generic[Part]):
    """Parts that have nothing in common but their lane."""

    def __init__(self, parts: Sequence[Part], sizes: Sequence[int]) -> None:
        self.parts = parts
        self.sizes = sizes

    @property
    def size(self) -> int:
        return sum(self.sizes)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, some: slice) -> Loose[Part]:
        return Loose(self.parts[some], self.sizes[some])

    def join(self, others: list[Part]) -> None:
        others += self.parts


class Trigger(StrEnum):
    """Why a batch was cut."""

    SIZE = "size"
    BYTES = "bytes"
    AGE = "age"
    PRESSURE = "pressure"
    DRAIN = "drain"


@dataclass(slots=True)
class Batch(Generic[Lane, Part]):
    """Parts of one lane, in the order in which they came."""

    lane: Lane
    opened_at: float
    parts: list[Part] = field(default_factory=list)
    records: int = 0
    bytes: int = 0
    trigger: Trigger = Trigger.AGE

    def take(self, parts: Parts) -> None:
        """Let these follow."""
        self.records += len(parts)
        self.bytes += parts.size
        parts.join(self.parts)


class Batcher(Generic[Lane, Part]):
    """Open batches by lane, the oldest first.

    `max_bytes` counts message bytes; ages are seconds since the first part. A batch is cut by the part that fills it.
    """

    def __init__(self, max_parts: int, max_bytes: int) -> None:
        self._max_parts = max_parts
        self._max_bytes = max_bytes
        self._open: dict[Lane, Batch[Lane, Part]] = {}

    def __len__(self) -> int:
        return sum(batch.records for batch in self._open.values())

    @property
    def batches(self) -> Collection[Batch[Lane, Part]]:
        """The open batches, the oldest first."""
        return self._open.values()

    def add(self, lane: Lane, part: Part, size: int, now: float) -> Batch[Lane, Part] | None:
        """Put a part into its lane; returns the batch that it filled."""
        return next(iter(self.extend(lane, Loose([part], [size]), now)), None)

    def extend(self, lane: Lane, parts: Parts, now: float) -> list[Batch[Lane, Part]]:
        """Put parts into their lane; returns the batches that they filled."""
        filled: list[Batch[Lane, Part]] = []
        while not self._has_room(batch := self._of(lane, now), parts):
            fitting = self._fitting(batch, parts.sizes)
            batch.take(parts[:fitting])
            filled.append(self._cut(batch, self._full(batch)))
            parts = parts[fitting:]
            if not len(parts):
                return filled
        batch.take(parts)
        return filled

    def _has_room(self, batch: Batch[Lane, Part], parts: Parts) -> bool:
        """Whether the batch is still open with these."""
        return batch.records + len(parts) < self._max_parts and batch.bytes + parts.size < self._max_bytes

    def _fitting(self, batch: Batch[Lane, Part], sizes: Sequence[int]) -> int:
        """How many parts of these sizes fill the batch."""
        by_bytes = bisect_left(list(accumulate(sizes)), self._max_bytes - batch.bytes) + 1
        return min(by_bytes, self._max_parts - batch.records)

    def _full(self, batch: Batch[Lane, Part]) -> Trigger:
        return Trigger.SIZE if batch.records >= self._max_parts else Trigger.BYTES

    def _of(self, lane: Lane, now: float) -> Batch[Lane, Part]:
        batch = self._open.get(lane)
        if batch is None:
            batch = self._open[lane] = Batch(lane, now)
        return batch

    def due(self, now: float, age: float, at_most: int) -> list[Batch[Lane, Part]]:
        """Cut and return the batches of that age, the oldest first, so many at most."""
        oldest = islice(self._open.values(), at_most)
        return [self._cut(batch, Trigger.AGE) for batch in list(oldest) if batch.opened_at + age <= now]

    def cut_oldest(self, at_most: int, trigger: Trigger) -> list[Batch[Lane, Part]]:
        """Cut and return the oldest batches, so many at most."""
        return [self._cut(batch, trigger) for batch in list(islice(self._open.values(), at_most))]

    def next_due(self, age: float) -> float | None:
        """When the oldest open batch will have that age; None without one."""
        oldest = next(iter(self._open.values()), None)
        return None if oldest is None else oldest.opened_at + age

    def cut_all(self, trigger: Trigger) -> list[Batch[Lane, Part]]:
        """Cut and return every open batch, the oldest first."""
        return self.cut_oldest(len(self._open), trigger)

    def _cut(self, batch: Batch[Lane, Part], trigger: Trigger) -> Batch[Lane, Part]:
        del self._open[batch.lane]
        batch.trigger = trigger
        return batch
