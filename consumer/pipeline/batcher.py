"""Gathers parts into batches, one open batch a lane, cut by count, bytes or age. Pure: the clock is passed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Generic, TypeVar

Lane = TypeVar("Lane")
Part = TypeVar("Part")


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
    bytes: int = 0
    trigger: Trigger = Trigger.AGE


class Batcher(Generic[Lane, Part]):
    """Open batches by lane, the oldest first.

    `max_bytes` counts message bytes; ages are seconds since the first part. A batch is cut by the part that fills it.
    """

    def __init__(self, max_parts: int, max_bytes: int) -> None:
        self._max_parts = max_parts
        self._max_bytes = max_bytes
        self._open: dict[Lane, Batch[Lane, Part]] = {}

    def __len__(self) -> int:
        return sum(len(batch.parts) for batch in self._open.values())

    @property
    def batches(self) -> Collection[Batch[Lane, Part]]:
        """The open batches, the oldest first."""
        return self._open.values()

    def extend(self, lane: Lane, parts: Sequence[Part], sizes: Sequence[int], now: float) -> list[Batch[Lane, Part]]:
        """Put parts into their lane, each with its size; returns the batches that they filled."""
        batch, size = self._of(lane, now), sum(sizes)
        if len(batch.parts) + len(parts) < self._max_parts and batch.bytes + size < self._max_bytes:
            batch.parts += parts
            batch.bytes += size
            return []
        added = (self.add(lane, part, size, now) for part, size in zip(parts, sizes, strict=True))
        return [filled for filled in added if filled is not None]

    def add(self, lane: Lane, part: Part, size: int, now: float) -> Batch[Lane, Part] | None:
        """Put a part into its lane; returns the batch that it filled."""
        batch = self._of(lane, now)
        batch.parts.append(part)
        batch.bytes += size
        if len(batch.parts) >= self._max_parts:
            return self._cut(batch, Trigger.SIZE)
        if batch.bytes >= self._max_bytes:
            return self._cut(batch, Trigger.BYTES)
        return None

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
