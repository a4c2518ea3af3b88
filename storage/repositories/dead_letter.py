"""Messages that could not become documents."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from storage.adapters.base import BaseAdapter
from storage.errors import RejectedError
from storage.letters import DeadLetter
from storage.outcomes import Reason


class DeadLetterRepository:
    """The dead letters of one store; put twice, a letter is one letter with two attempts.

    Times are those at which a letter was first seen.
    """

    def __init__(self, adapter: BaseAdapter) -> None:
        self._letters = adapter.dead_letters

    async def insert(self, letter: DeadLetter) -> None:
        """Keep one letter durably."""
        await self._letters.put([letter])

    async def insert_batch(self, letters: Sequence[DeadLetter]) -> None:
        """Keep all letters durably."""
        await self._letters.put(letters)

    async def get(self, id: str) -> DeadLetter | None:
        """The letter of that id."""
        async for letter in self._letters.find(ids=[id]):
            return letter
        return None

    async def get_range(
        self, start: datetime, end: datetime, *, reason: Reason | None = None, source: str | None = None
    ) -> AsyncIterator[DeadLetter]:
        """The letters from `start` (inclusive) to `end` (exclusive), ascending, streamed; looks at all of them."""
        if start.utcoffset() is None or end.utcoffset() is None or start >= end:
            raise RejectedError(f"no range goes from {start.isoformat()} to {end.isoformat()}")
        async for letter in self._letters.find(reason=reason, source=source):
            if start <= letter.first_seen < end:
                yield letter

    async def get_latest(self, limit: int = 1, *, reason: Reason | None = None) -> list[DeadLetter]:
        """The newest letters, newest first; looks at all of them."""
        if limit < 1:
            raise RejectedError(f"a limit is at least 1, not {limit}")
        newest: deque[DeadLetter] = deque(maxlen=limit)
        async for letter in self._letters.find(reason=reason):
            newest.append(letter)
        return list(reversed(newest))

    async def count(self, reason: Reason | None = None) -> int:
        """How many letters there are, of one reason or of all."""
        counts = await self._letters.count()
        return sum(counts.values()) if reason is None else counts.get(reason, 0)

    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        """Note that these letters went through the pipeline again."""
        await self._letters.mark_replayed(ids, when)

    async def delete(self, ids: Sequence[str]) -> int:
        """Remove letters; returns how many there were."""
        return await self._letters.delete(ids)
