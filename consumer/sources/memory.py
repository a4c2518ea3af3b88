"""A bus in memory, for tests and for the demo: pause, crash and end are items of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import repeat
from typing import ClassVar

from msgspec.structs import replace

from consumer.messages import Delivery, Message, Settlement
from consumer.runs import Messages
from consumer.sources.base import EndOfSource, Source, SourceStatus
from consumer.tasks import occurs


class Sign(Enum):
    """What a bus can do besides carrying a message."""

    PAUSE = "pause"  # one receive returns nothing
    CRASH = "crash"  # one receive raises Crashed
    END = "end"  # from here on receive raises EndOfSource


PAUSE, CRASH, END = Sign.PAUSE, Sign.CRASH, Sign.END


class Crashed(Exception):
    """The process is meant to die here; what was not settled comes again to the next source."""


class MemoryBus:
    """Messages in order, each given until it is settled; it outlives the sources that read it.

    A message that was settled LATER, or was given to a source that died, comes again before all others
    with one delivery more. `publish` waits while `max_messages` are not settled. With `remember` every
    settled message is kept in `settled`, in the order in which the bus was told. Set `connected` to False
    and nothing is given nor settled.
    """

    def __init__(
        self, items: Iterable[bytes | Message | Sign] = (), *, max_messages: int = 100_000, remember: bool = True
    ) -> None:
        self.connected = True
        self.settled: list[tuple[Message, Settlement]] = []
        self.redelivered = 0
        self._waiting: deque[Message | Sign] = deque()
        self._given: dict[int, Message] = {}
        self._published = 0
        self._signs = 0
        self._max_messages = max_messages
        self._remember = remember
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self.put(*items)

    @property
    def lag(self) -> int:
        """The messages that are not settled."""
        return len(self._waiting) - self._signs + len(self._given)

    async def publish(
        self,
        data: bytes,
        *,
        subject: str = "",
        headers: Mapping[str, str] | None = None,
        time_ms: int | None = None,
    ) -> None:
        """Append one message; waits while the bus is full."""
        while self.lag >= self._max_messages:
            self._room.clear()
            await self._room.wait()
        self.put(Message(data, "memory", "memory", 0, subject, headers, time_ms))

    def put(self, *items: bytes | Message | Sign) -> None:
        """Append at once, however full the bus is; the bus numbers the messages."""
        for item in items:
            self._waiting.append(item if isinstance(item, Sign) else self._numbered(item))
            self._signs += isinstance(item, Sign)
        self._arrived.set()

    async def arrival(self, seconds: float) -> None:
        """Wait until something is there to take, at most so long."""
        if not self._waiting:
            self._arrived.clear()
            await occurs(self._arrived, seconds)

    def take(self, max_messages: int, max_bytes: int) -> list[Message]:
        """Give the next messages, up to the next sign; a sign that stands first is obeyed."""
        taken: list[Message] = []
        waiting = self._waiting
        while waiting and len(taken) < max_messages:
            item = waiting[0]
            if isinstance(item, Sign):
                return taken or self._obey(item)
            max_bytes -= len(item.data)
            if taken and max_bytes < 0:
                break
            waiting.popleft()
            self._given[item.offset] = item
            taken.append(item)
        return taken

    def settle(self, message: Message, settlement: Settlement) -> None:
        """Hear of the fate of a message that was given."""
        if self._given.pop(message.offset, None) is None:
            return
        if settlement is Settlement.LATER:
            self._again(message)
        self._room.set()
        if self._remember:
            self.settled.append((message, settlement))

    def give_back(self) -> None:
        """Let everything that was given and not settled come again, in order."""
        given, self._given = self._given, {}
        for offset in sorted(given, reverse=True):
            self._again(given[offset])

    def _again(self, message: Message) -> None:
        self._waiting.appendleft(replace(message, deliveries=message.deliveries + 1))
        self.redelivered += 1
        self._arrived.set()

    def _numbered(self, item: bytes | Message) -> Message:
        self._published += 1
        if isinstance(item, bytes):
            return Message(item, "memory", "memory", self._published)
        return replace(item, source="memory", partition="memory", offset=self._published)

    def _obey(self, sign: Sign) -> list[Message]:
        if sign is END:
            raise EndOfSource
        self._waiting.popleft()
        self._signs -= 1
        if sign is CRASH:
            raise Crashed
        return []


class MemorySource(Source):
    """Reads a MemoryBus, at least once; one source at a time.

    Opening it gives back what an earlier source left unsettled, as a bus does whose consumer died.
    Raises Crashed where the bus says so.
    """

    name: ClassVar[str] = "memory"
    wait_seconds: ClassVar[float] = 1.0

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.destination = "memory"
        self._opened = False
        self._channel = Messages(self.name, self.name, self)
        self._unflushed: list[tuple[Message, Settlement]] = []

    async def open(self) -> None:
        self._opened = True
        self.bus.give_back()

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        await self.bus.arrival(self.wait_seconds)
        if not self.bus.connected:
            await asyncio.sleep(0)
            return []
        return self._channel.run(self.bus.take(max_messages, max_bytes))

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        messages = [delivery.message for delivery in deliveries]
        self.settled_messages(messages, deliveries[0].settlement or Settlement.LATER)

    def settled_messages(self, messages: Sequence[Message], settlement: Settlement) -> None:
        self._unflushed += zip(messages, repeat(settlement), strict=False)

    async def flush(self) -> None:
        if not self.bus.connected:
            return
        unflushed, self._unflushed = self._unflushed, []
        for message, settlement in unflushed:
            self.bus.settle(message, settlement)

    async def status(self) -> SourceStatus:
        here = self._opened and self.bus.connected
        return SourceStatus(
            connected=here,
            subscribed=here,
            lag=self.bus.lag,
            redelivered=self.bus.redelivered,
            problem="" if here else "the bus is not there",
        )

    async def close(self) -> None:
        if self._opened:
            await self.flush()
            self._opened = False
            self.bus.give_back()
