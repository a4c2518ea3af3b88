"""The letters and conflicts of the store that forgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from msgspec.structs import replace

from storage.adapters.base import Conflicts, DeadLetters
from storage.letters import Conflict, DeadLetter
from storage.outcomes import Reason

Check = Callable[[], Awaitable[None]]


class MemoryDeadLetters(DeadLetters):
    """Letters in a dictionary."""

    def __init__(self, ping: Check, accept_write: Check) -> None:
        self._ping = ping
        self._accept_write = accept_write
        self._letters: dict[str, DeadLetter] = {}

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self._accept_write()
        for letter in letters:
            known = self._letters.get(letter.id)
            self._letters[letter.id] = _seen_again(known, letter) if known else letter

    async def find(
        self,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[DeadLetter]:
        await self._ping()
        found = [
            letter
            for letter in self._letters.values()
            if (not ids or letter.id in ids) and reason in (None, letter.reason) and source in (None, letter.source)
        ]
        for letter in islice(sorted(found, key=lambda letter: letter.first_seen), limit or None):
            yield letter

    async def count(self) -> Mapping[Reason, int]:
        await self._ping()
        return Counter(letter.reason for letter in self._letters.values())

    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        await self._ping()
        for id in set(ids) & self._letters.keys():
            self._letters[id] = replace(self._letters[id], replayed_at=when)

    async def delete(self, ids: Sequence[str]) -> int:
        await self._ping()
        return sum(self._letters.pop(id, None) is not None for id in ids)


def _seen_again(known: DeadLetter, letter: DeadLetter) -> DeadLetter:
    return replace(
        known,
        attempts=known.attempts + letter.attempts,
        reason=letter.reason,
        error=letter.error,
        last_seen=letter.last_seen,
    )


class MemoryConflicts(Conflicts):
    """Conflicts in a dictionary."""

    def __init__(self, ping: Check, accept_write: Check) -> None:
        self._ping = ping
        self._accept_write = accept_write
        self._conflicts: dict[str, Conflict] = {}

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        await self._accept_write()
        for each in conflicts:
            self._conflicts.setdefault(each.id, each)

    async def find(self, *, collection: str | None = None, limit: int = 0) -> AsyncIterator[Conflict]:
        await self._ping()
        found = [each for each in self._conflicts.values() if collection in (None, each.collection)]
        for each in islice(sorted(found, key=lambda each: each.seen_at), limit or None):
            yield each
