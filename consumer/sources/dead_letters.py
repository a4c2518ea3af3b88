"""Dead letters as a bounded bus: each goes through the pipeline again, and leaves only when it is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import ClassVar

from consumer.messages import Delivery, Message, Settlement
from consumer.sources.base import EndOfSource, Source, SourceStatus
from storage import DatabaseError, DeadLetter, Reason
from storage.adapters.base import BaseAdapter
from storage.times import utc_now

PAGE = 500
"""Messages that are read from the store at once."""


class DeadLetterSource(Source):
    """The letters that match when it opens, at most `rate` messages a second.

    A message that has several letters (elements of one list) is sent once. Letters of what is stored now
    are deleted after that; an element that dies again keeps its letter, with one attempt more. A letter
    keeps its own source and position, so that dying again makes no second letter.
    """

    name: ClassVar[str] = "dead_letters"
    bounded: ClassVar[bool] = True

    def __init__(
        self,
        store: BaseAdapter,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        rate: float | None = None,
    ) -> None:
        self.destination = "dead_letters"
        self._store = store
        self._ids, self._reason, self._source = ids, reason, source
        self._pause = 1 / rate if rate else 0.0
        self._next_at = 0.0
        self._waiting: dict[str, list[str]] = {}
        self._given: dict[str, list[DeadLetter]] = {}
        self._settled: list[Delivery] = []
        self._problem = ""

    async def open(self) -> None:
        """Note which letters there are; those that come later are not sent."""
        await self._store.connect()
        found = self._store.dead_letters.find(ids=self._ids, reason=self._reason, source=self._source)
        async for letter in found:
            self._waiting.setdefault(_message_of(letter.id), []).append(letter.id)

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if not self._waiting:
            raise EndOfSource
        await self._wait_for_turn()
        count = 1 if self._pause else min(max_messages, PAGE)
        chosen = list(islice(self._waiting, count))
        await self._read([each for name in chosen for each in self._waiting[name]])
        for name in chosen:
            del self._waiting[name]
        return [self._delivery(name) for name in chosen if name in self._given]

    async def _wait_for_turn(self) -> None:
        if self._pause:
            await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._pause

    async def _read(self, ids: Sequence[str]) -> None:
        async for letter in self._store.dead_letters.find(ids=ids):
            letters = self._given.setdefault(_message_of(letter.id), [])
            if all(letter.id != known.id for known in letters):
                letters.append(letter)

    def _delivery(self, name: str) -> Delivery:
        letter = self._given[name][0]
        partition, _, offset = letter.position.rpartition("/")
        message = Message(
            data=letter.data,
            source=letter.source,
            partition=partition,
            offset=int(offset),
            subject=letter.subject,
            headers=letter.headers,
            time_ms=letter.message_time,
            deliveries=letter.attempts + 1,
        )
        return Delivery(message, self, name)

    def settled(self, delivery: Delivery) -> None:
        self._settled.append(delivery)

    async def flush(self) -> None:
        """Delete what is stored and note what was tried; what fails is tried again with the next flush."""
        settled, self._settled = self._settled, []
        try:
            await self._delete(self._letters(settled, Settlement.STORED))
            if tried := [letter.id for letter in self._letters(settled, Settlement.REJECTED)]:
                await self._store.dead_letters.mark_replayed(tried, utc_now())
            self._problem = ""
        except DatabaseError as error:
            self._settled = settled + self._settled
            self._problem = str(error)
            return
        for delivery in settled:
            self._given.pop(delivery.token, None)

    async def _delete(self, letters: Sequence[DeadLetter]) -> None:
        """Delete those that did not die again while their neighbours were stored."""
        before = {letter.id: letter.attempts for letter in letters}
        if not before:
            return
        now = [letter async for letter in self._store.dead_letters.find(ids=list(before))]
        await self._store.dead_letters.delete([each.id for each in now if each.attempts == before[each.id]])

    def _letters(self, settled: Iterable[Delivery], settlement: Settlement) -> list[DeadLetter]:
        names = [delivery.token for delivery in settled if delivery.settlement is settlement]
        return [letter for name in names for letter in self._given.get(name, ())]

    async def status(self) -> SourceStatus:
        return SourceStatus(
            connected=True, subscribed=True, lag=len(self._waiting) + len(self._given), problem=self._problem
        )

    async def close(self) -> None:
        await self.flush()
        await self._store.disconnect()


def _message_of(letter_id: str) -> str:
    """The part of a letter's id that names its message: all but the element's index."""
    return letter_id.rpartition(":")[0]
