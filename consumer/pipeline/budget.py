"""How much may be on its way: received and not settled, by messages and by bytes."""

from __future__ import annotations

import asyncio

AGAIN = 0.9  # to take what one small batch leaves would be many small steps


class Budget:
    """Counts what is in flight; a full budget stops the pull, so that the bus is the buffer.

    It may be `allot`ted a share of itself, for a while: then it is full with that.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.messages = 0
        self.bytes = 0
        self._room = asyncio.Event()
        self.allot(1.0)

    @property
    def room(self) -> tuple[int, int]:
        """Messages and bytes that may still be taken; neither is 0 unless it is full."""
        return max(0, self._most_messages - self.messages), max(0, self._most_bytes - self.bytes)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken."""
        return self.messages >= self._most_messages or self.bytes >= self._most_bytes

    def holds(self, share: float) -> bool:
        """Whether a share of all that it is, or more, is taken."""
        return self.messages >= self.max_messages * share or self.bytes >= self.max_bytes * share

    def allot(self, share: float) -> None:
        """Let this share of it be all that may be taken from now on."""
        self._most_messages = max(1, int(self.max_messages * share))
        self._most_bytes = max(1, int(self.max_bytes * share))
        if self.is_full:
            self._room.clear()
        elif self._has_room:
            self._room.set()

    @property
    def _has_room(self) -> bool:
        return self.messages <= self._most_messages * AGAIN and self.bytes <= self._most_bytes * AGAIN

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
        if self._has_room:
            self._room.set()

    async def wait_for_room(self) -> None:
        """Wait until a tenth of it is free."""
        await self._room.wait()
