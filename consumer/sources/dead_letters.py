"""Dead letters as a bounded bus: each goes through the pipeline again, and leaves only when it is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from consumer.messages import Delivery, Message, Settlement
from consumer.sources.base import EndOfSource, Source, SourceStatus
from consumer.telemetry import events
from storage import DatabaseError, DeadLetter, Reason
from storage.adapters.base import BaseAdapter
from storage.times import utc_now

PAGE = 500
"""Messages that are read, or ended, at once."""
WAIT_SECONDS = 1.0


@dataclass(slots=True)
class _Waiting:
    """One message that has letters: its bytes, and how often each letter was tried, by its id."""

    bytes: int
    attempts: dict[str, int] = field(default_factory=dict)


class DeadLetterSource(Source):
    """The letters that match when it opens, at most `rate` messages a second.

    A message that has several letters (elements of one list) is sent once. Letters of what is stored now
    are removed after that; one that dies again keeps its letter, with one attempt more and the time of the
    replay. A letter keeps its own source and position, so that dying again makes no second letter.

    Opening raises a DatabaseError when the store does not answer, and does nothing the second time; a store
    that goes away later is waited for. `removed` and `kept` count the letters that have ended.
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
        self.destination = "dead letters"
        self.removed = 0
        self.kept = 0
        self._store = store
        self._ids, self._reason, self._source = ids, reason, source
        self._pause = 1 / rate if rate else 0.0
        self._next_at = 0.0
        self._is_open = False
        self._waiting: dict[str, _Waiting] = {}
        self._given: dict[str, Mapping[str, int]] = {}
        self._settled: list[Delivery] = []
        self._problem = ""

    async def open(self) -> None:
        """Note which letters there are; those that come later are not sent."""
        if self._is_open:
            return
        await self._store.connect()
        self._is_open = True
        async for letter in self._store.dead_letters.find(ids=self._ids, reason=self._reason, source=self._source):
            message = self._waiting.setdefault(_message_of(letter), _Waiting(len(letter.data)))
            message.attempts[letter.id] = letter.attempts

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if not self._waiting:
            raise EndOfSource
        await self._wait_for_turn()
        names = self._next(1 if self._pause else min(max_messages, PAGE), max_bytes)
        try:
            letters = await self._read(names)
        except DatabaseError as error:
            self._lost(error)
            await asyncio.sleep(WAIT_SECONDS)
            return []
        return [self._give(name, letters[name]) for name in names if name in letters or self._forget_first(name)]

    async def _wait_for_turn(self) -> None:
        if self._pause:
            await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._pause

    def _next(self, max_messages: int, max_bytes: int) -> list[str]:
        """The messages that go now: as many as there is room for, at least one."""
        names: list[str] = []
        size = 0
        for name, message in self._waiting.items():
            size += message.bytes
            if names and (len(names) == max_messages or size > max_bytes):
                break
            names.append(name)
        return names

    async def _read(self, names: Sequence[str]) -> dict[str, DeadLetter]:
        """One letter of each message: all of them hold its bytes."""
        ids = [next(iter(self._waiting[name].attempts)) for name in names]
        return {_message_of(letter): letter async for letter in self._store.dead_letters.find(ids=ids)}

    def _forget_first(self, name: str) -> bool:
        """Somebody has removed that letter meanwhile; the message's others come with the next call."""
        attempts = self._waiting[name].attempts
        del attempts[next(iter(attempts))]
        if not attempts:
            del self._waiting[name]
        return False

    def _give(self, name: str, letter: DeadLetter) -> Delivery:
        self._given[name] = self._waiting.pop(name).attempts
        partition, _, offset = letter.position.rpartition("/")
        message = Message(
            data=letter.data,
            source=letter.source,
            partition=partition,
            offset=int(offset),
            subject=letter.subject,
            raw_headers=letter.headers,
            time_ms=letter.message_time,
        )
        return Delivery(message, self, name)

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        self._settled += deliveries

    async def flush(self) -> None:
        """Remove the letters of what is stored and note what was tried; what fails is tried with the next flush."""
        settled, self._settled = self._settled, []
        while settled:
            try:
                await self._end(settled[:PAGE])
            except DatabaseError as error:
                self._settled = settled + self._settled
                self._lost(error)
                return
            del settled[:PAGE]
            self._problem = ""

    async def _end(self, deliveries: Sequence[Delivery]) -> None:
        stored = self._attempts(deliveries, Settlement.STORED)
        again = self._attempts(deliveries, Settlement.REJECTED).keys() | await self._died_again(stored)
        if again:
            await self._store.dead_letters.mark_replayed(sorted(again), utc_now())
        gone = sorted(stored.keys() - again)
        removed = await self._store.dead_letters.delete(gone) if gone else 0
        self.removed += removed  # not in one go with the waiting: another flush may count meanwhile
        self.kept += len(again)
        for delivery in deliveries:
            self._given.pop(delivery.token, None)

    def _attempts(self, deliveries: Sequence[Delivery], settlement: Settlement) -> dict[str, int]:
        chosen = [self._given.get(each.token, {}) for each in deliveries if each.settlement is settlement]
        return {letter: attempts for message in chosen for letter, attempts in message.items()}

    async def _died_again(self, attempts: Mapping[str, int]) -> set[str]:
        """Which letters were put once more while their neighbours in the message were stored."""
        if not attempts:
            return set()
        found = self._store.dead_letters.find(ids=list(attempts))
        return {letter.id async for letter in found if letter.attempts != attempts[letter.id]}

    def _lost(self, error: DatabaseError) -> None:
        self._problem = str(error)
        events.source_lost(self.name, self._problem)

    async def status(self) -> SourceStatus:
        lag = len(self._waiting) + len(self._given)
        return SourceStatus(connected=self._is_open, subscribed=self._is_open, lag=lag, problem=self._problem)

    async def close(self) -> None:
        await self.flush()
        self._is_open = False
        await self._store.disconnect()


def _message_of(letter: DeadLetter) -> str:
    """The part of a letter's id that names its message: all but the element's index."""
    return letter.id.rpartition(":")[0]
