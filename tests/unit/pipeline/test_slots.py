"""Writes at a time: bounded by count and by bytes, in the order in which they came."""

from __future__ import annotations

import asyncio

from consumer.pipeline.slots import Slots


class Writes:
    """Writes of these sizes, started in this order; `running` are those that have a slot."""

    def __init__(self, slots: Slots, *sizes: int) -> None:
        self.running: list[int] = []
        self._ends = [asyncio.Event() for _ in sizes]
        self._tasks = [asyncio.create_task(self._write(slots, *each)) for each in enumerate(sizes)]

    async def _write(self, slots: Slots, number: int, size: int) -> None:
        async with slots.of(size):
            self.running.append(number)
            await self._ends[number].wait()
            self.running.remove(number)

    async def settle(self) -> list[int]:
        for _ in range(10):
            await asyncio.sleep(0)
        return self.running

    async def end(self, number: int) -> list[int]:
        self._ends[number].set()
        return await self.settle()

    async def cancel(self, number: int) -> list[int]:
        self._tasks[number].cancel()
        return await self.settle()


async def test_so_many_writes_at_a_time() -> None:
    writes = Writes(Slots(2, 100), 1, 1, 1)

    assert await writes.settle() == [0, 1]
    assert await writes.end(0) == [1, 2]
    await writes.end(1)
    assert await writes.end(2) == []


async def test_of_so_many_bytes_in_all() -> None:
    writes = Writes(Slots(9, 100), 60, 40, 1)

    assert await writes.settle() == [0, 1]
    assert await writes.end(1) == [0, 2]
    await writes.end(0)
    assert await writes.end(2) == []


async def test_a_larger_one_goes_alone_and_is_not_overtaken() -> None:
    writes = Writes(Slots(9, 100), 10, 900, 10)

    assert await writes.settle() == [0]
    assert await writes.end(0) == [1]
    assert await writes.end(1) == [2]
    assert await writes.end(2) == []


async def test_who_is_cancelled_holds_nobody_up() -> None:
    writes = Writes(Slots(1, 100), 1, 1, 1)

    assert await writes.settle() == [0]
    assert await writes.cancel(1) == [0]
    assert await writes.cancel(0) == [0, 2]
    assert await writes.end(2) == [0]
