"""Batches go when they are due and somebody is free, the oldest first; at once when nothing more fits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumer.pipeline.batcher import Batch, Batcher, Trigger
from consumer.pipeline.budget import Budget
from consumer.pipeline.cutter import OVERDUE_SECONDS, Ages, Cutter


class Bench:
    """A cutter over a batcher, with as many free writers as somebody says."""

    def __init__(self, free: int) -> None:
        self.now = 0.0
        self.free = free
        self.cut: list[tuple[str, Trigger]] = []
        self.batcher: Batcher[Any, Any] = Batcher(max_parts=100, max_bytes=1_000)
        self.budget = Budget(max_messages=10, max_bytes=1_000)
        self.cutter = Cutter(
            self.batcher, self.budget, Ages(0.25, 1.0), 4, lambda: self.free, self.dispatch, lambda: self.now
        )

    def dispatch(self, batches: Sequence[Batch[Any, Any]]) -> None:
        self.free -= len(batches)
        self.cut += [(batch.lane, batch.trigger) for batch in batches]

    async def look(self) -> list[tuple[str, Trigger]]:
        self.cutter.look()
        for _ in range(5):
            await asyncio.sleep(0)
        return self.cut

    def open(self, *lanes: str) -> None:
        for lane in lanes:
            self.batcher.add(lane, "part", 1, self.now)


@asynccontextmanager
async def bench(free: int) -> AsyncIterator[Bench]:
    each = Bench(free)
    following = asyncio.create_task(each.cutter.follow())
    yield each
    following.cancel()


async def test_a_batch_is_cut_when_it_is_due() -> None:
    async with bench(free=4) as each:
        each.open("a")
        assert await each.look() == []
        each.now = 0.25
        assert await each.look() == [("a", Trigger.AGE)]


async def test_the_fewer_writers_are_free_the_longer_a_batch_waits() -> None:
    async with bench(free=2) as each:
        each.open("a")
        each.now = 0.6
        assert await each.look() == []
        each.free = 3
        assert await each.look() == [("a", Trigger.AGE)]


async def test_no_more_than_can_be_written_the_oldest_first() -> None:
    async with bench(free=2) as each:
        each.open("a", "b", "c")
        each.now = 1.0
        assert await each.look() == [("a", Trigger.AGE), ("b", Trigger.AGE)]

        each.open("c")  # it grows while it waits
        each.free = 1
        assert (await each.look())[2:] == [("c", Trigger.AGE)]
        assert len(each.batcher) == 0


async def test_for_each_write_that_ends_one_that_is_overdue_goes_although_nobody_is_free() -> None:
    async with bench(free=0) as each:
        each.open("a", "b", "c")
        each.now = OVERDUE_SECONDS - 0.1
        each.cutter.a_write_ended()
        assert await each.look() == []
        each.now = OVERDUE_SECONDS
        assert await each.look() == [("a", Trigger.AGE)]
        each.free = 0
        assert await each.look() == [("a", Trigger.AGE)]
        each.cutter.a_write_ended()
        assert (await each.look())[1:] == [("b", Trigger.AGE)]


async def test_when_nothing_more_fits_nobody_waits_for_an_age() -> None:
    async with bench(free=1) as each:
        each.open("a", "b")
        each.budget.take(10, 10)
        assert await each.look() == [("a", Trigger.PRESSURE)]


async def test_a_budget_opens_again_when_a_tenth_is_free() -> None:
    budget = Budget(max_messages=20, max_bytes=1_000)
    budget.take(20, 20)
    waiting = asyncio.create_task(budget.wait_for_room())

    budget.give(1, 1)
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give(1, 1)
    await waiting


def test_a_budget_is_full_with_the_share_that_is_allotted() -> None:
    budget = Budget(max_messages=20, max_bytes=1_000)
    budget.take(6, 100)
    budget.allot(0.25)
    assert (budget.is_full, budget.room) == (True, (0, 150))
    budget.allot(1.0)
    assert (budget.is_full, budget.room) == (False, (14, 900))


@given(st.integers(1, 100), st.integers(1, 1000), st.floats(0.01, 1.0), st.integers(0, 120), st.integers(0, 1200))
def test_a_budget_that_is_not_full_has_room_for_something(
    max_messages: int, max_bytes: int, share: float, messages: int, size: int
) -> None:
    budget = Budget(max_messages, max_bytes)
    budget.allot(share)
    budget.take(messages, size)
    assert budget.is_full is (0 in budget.room)


async def test_somebody_who_waits_for_room_hears_of_a_larger_share() -> None:
    budget = Budget(max_messages=20, max_bytes=1_000)
    budget.allot(0.25)
    budget.take(5, 100)
    waiting = asyncio.create_task(budget.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.allot(1.0)
    await waiting
