"""When open batches go on their way: the oldest first, as soon as they are due and somebody can write them.

While all writers are busy, batches grow instead of queueing: many small ones cost far more than few large ones. The
more writers are free, the less a batch waits for more. When nothing more fits into the budget, none waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from consumer.pipeline.batcher import Batch, Batcher, Trigger
from consumer.pipeline.budget import Budget
from consumer.pipeline.entries import Lane, Part

OVERDUE_SECONDS = 2.0
"""So old a batch is written although no writer is free: one for each that ends."""


class Ages(NamedTuple):
    """Seconds that a batch waits for more: while no writer is busy, and while all are."""

    least: float
    most: float

    def at(self, busy: float) -> float:
        """The age while this share of the writers is busy."""
        return self.least + (self.most - self.least) * min(1.0, max(0.0, busy))


class Cutter:
    """Cuts batches and hands them to `dispatch`, as many as `free()` of `writers`; the clock is in seconds."""

    def __init__(
        self,
        batcher: Batcher[Lane, Part],
        budget: Budget,
        ages: Ages,
        writers: int,
        free: Callable[[], int],
        dispatch: Callable[[Sequence[Batch[Lane, Part]]], None],
        clock: Callable[[], float],
    ) -> None:
        self._batcher = batcher
        self._budget = budget
        self._ages = ages
        self._writers = writers
        self._free = free
        self._dispatch = dispatch
        self._clock = clock
        self._changed = asyncio.Event()
        self._owed = False

    def a_write_ended(self) -> None:
        """A writer may be free; if none is, because full batches do not ask, one that is overdue is owed its turn."""
        self._owed = True
        self.look()

    def look(self) -> None:
        """Something changed: a batch was opened, a writer is free, or nothing more fits."""
        self._changed.set()

    async def follow(self) -> None:
        """Cut for ever."""
        while True:
            self._changed.clear()
            seconds = self._seconds()
            if seconds is None or seconds > 0:
                await self._wait(seconds)
            else:
                self._cut()

    def _seconds(self) -> float | None:
        """How long until the next cut; None: until something changes."""
        if self._free() <= 0:
            return 0.0 if self._owed and self._is_overdue() else None
        due = self._batcher.next_due(self._age)
        if due is None:
            return None
        return 0.0 if self._budget.is_full else due - self._clock()

    def _is_overdue(self) -> bool:
        due = self._batcher.next_due(OVERDUE_SECONDS)
        return due is not None and due <= self._clock()

    def _cut(self) -> None:
        if self._free() <= 0:
            self._owed = False
            self._dispatch(self._batcher.cut_oldest(1, Trigger.AGE))
        elif self._budget.is_full:
            self._dispatch(self._batcher.cut_oldest(self._free(), Trigger.PRESSURE))
        else:
            self._dispatch(self._batcher.due(self._clock(), self._age, self._free()))

    @property
    def _age(self) -> float:
        return self._ages.at(1 - self._free() / self._writers)

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
