"""What came from the bus and waits to be received, counted and weighed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from consumer.tasks import occurs


class Weighed(Protocol):
    """Anything with a body; its length is its weight."""

    @property
    def data(self) -> bytes: ...


T = TypeVar("T", bound=Weighed)


class Buffer(Generic[T]):
    """First in, first out. It refuses nothing: whoever puts something in keeps to its own bounds."""

    def __init__(self) -> None:
        self.bytes = 0
        self._items: deque[T] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Append one."""
        self._items.append(item)
        self.bytes += len(item.data)
        self._filled.set()

    def extend(self, items: Sequence[T]) -> None:
        """Append many."""
        self._items.extend(items)
        self.bytes += sum([len(item.data) for item in items])
        self._filled.set()

    async def take(self, max_messages: int, max_bytes: int, seconds: float) -> list[T]:
        """The oldest, as many as both bounds allow but at least one; none when nothing comes for so long.

        Cancelling it takes nothing.
        """
        if not self._items:
            self._filled.clear()
            await occurs(self._filled, seconds)
        return self._cut(max_messages, max_bytes)

    def wake(self) -> None:
        """Let whoever waits return with nothing."""
        self._filled.set()

    def clear(self) -> int:
        """Forget everything; returns how many that were."""
        count = len(self._items)
        self._items.clear()
        self.bytes = 0
        return count

    def _cut(self, max_messages: int, max_bytes: int) -> list[T]:
        items = self._items
        if len(items) <= max_messages and self.bytes <= max_bytes:
            taken = list(items)
            self.clear()
            return taken
        taken = []
        while items and len(taken) < max_messages:
            max_bytes -= len(items[0].data)
            if taken and max_bytes < 0:
                break
            self.bytes -= len(items[0].data)
            taken.append(items.popleft())
        return taken
