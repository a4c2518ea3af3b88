"""How much may be on its way: received and not settled, by messages and by bytes."""

from __future__ import annotations

import asyncio


class Budget:
    """Counts what is in flight; a full budget stops the pull, so that the bus is the buffer."""

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.messages = 0
        self.bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def room(self) -> tuple[int, int]:
        """Messages and bytes that may still be taken."""
        return self.max_messages - self.messages, self.max_bytes - self.bytes

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken."""
        return self.messages >= self.max_messages or self.bytes >= self.max_bytes

    def take(self, messages: int, size: int) -> None:
        """So many messages more, of `size` bytes in all, are in flight."""
        self.messages += messages
        self.bytes += size
        if self.is_full:
            self._room.clear()

    def give(self, messages: int, size: int) -> None:
        """They are settled."""
        self.messages -= messages
        self.bytes -= size
        if self.messages * 10 <= self.max_messages * 9 and self.bytes * 10 <= self.max_bytes * 9:
            self._room.set()

    async def wait_for_room(self) -> None:
        """Wait until a tenth of it is free: to take what one small batch leaves would be many small steps."""
        await self._room.wait()
