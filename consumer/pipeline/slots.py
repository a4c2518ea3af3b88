"""How many batches are written at the same time, by count and by bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """So many writes at a time, of so many message bytes in all; a larger one goes alone. Who comes first goes first.

    A driver holds what it sends twice over: many large batches at once only wait in memory.
    """

    def __init__(self, writes: int, size: int) -> None:
        self._writes = writes
        self._bytes = size
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._taken = 0
        self._taken_bytes = 0

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """A slot for a write of so many bytes."""
        async with self._turn:
            while not self._fits(size):
                self._freed.clear()
                await self._freed.wait()
            self._taken += 1
            self._taken_bytes += size
        try:
            yield
        finally:
            self._taken -= 1
            self._taken_bytes -= size
            self._freed.set()

    def _fits(self, size: int) -> bool:
        return not self._taken or (self._taken < self._writes and self._taken_bytes + size <= self._bytes)
