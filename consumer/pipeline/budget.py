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
        self._share = 1.0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def room(self) -> tuple[int, int]:
        """Messages and bytes that may still be taken."""
        messages, size = self.max_messages * self._share - self.messages, self.max_bytes * self._share - self.bytes
        return max(0, int(messages)), max(0, int(size))

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken."""
        return self.holds(self._share)

    def holds(self, share: float) -> bool:
        """Whether a share of it, or more, is taken."""
        return self.messages >= self.max_messages * share or self.bytes >= self.max_bytes * share

    def allot(self, share: float) -> None:
        """Let this share of it be all that may be taken from now on."""
        if share != self._share:
            self._share = share
            (self._room.clear if self.is_full else self._room.set)()

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
        low = AGAIN * self._share
        if self.messages <= self.max_messages * low and self.bytes <= self.max_bytes * low:
            self._room.set()

    async def wait_for_room(self) -> None:
        """Wait until a tenth of it is free."""
        await self._room.wait()
