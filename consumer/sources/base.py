"""The seam to a bus: deliveries come in, settlements go back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from consumer.messages import Delivery


class Guarantee(StrEnum):
    """What the bus promises about a message that was not settled."""

    AT_LEAST_ONCE = "at least once"
    AT_MOST_ONCE = "at most once"


class EndOfSource(Exception):
    """A bounded source has given everything it had."""


class LostRange(NamedTuple):
    """Messages that left the bus before anyone read them: from `first` (inclusive) to `until` (exclusive)."""

    partition: str
    first: int
    until: int


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What a source knows of its bus right now.

    `lag` counts the messages that wait on the bus for this consumer, given and not settled ones included;
    None where it is not known (yet). `due` is how many of them are ours to move, None where all are: another
    consumer may hold some, and the bus may have a reason to keep some back. `dropped` counts what an
    at-most-once bus lost here.
    """

    connected: bool
    subscribed: bool
    lag: int | None = None
    due: int | None = None
    dropped: int = 0
    redelivered: int = 0
    problem: str = ""
    details: dict[str, str | int | None] = field(default_factory=dict)


async def _nothing_to_flush() -> None:
    """The hook before somebody has set one."""


class Source(ABC):
    """A stream of deliveries, each to be settled once.

    After `async with` the source keeps itself connected for ever: it reconnects, subscribes anew and
    tells about it in `status()`. Entering raises nothing for a bus that is not there yet. A message that
    was received and not settled stays unsettled on the bus and is kept from timing out while it waits.

    `scattered` is set by whoever processes the deliveries, while they go to so many places that few go to each: then
    those that go to the same places should come together. A source that lets them wait for that takes it back when none
    wait any more.

    `before_revoke` is awaited when the bus is about to take partitions away: whoever processes the
    deliveries sets it to a function that settles all it can within the source's own budget.
    """

    name: ClassVar[str]
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    bounded: ClassVar[bool] = False
    """Whether it comes to an end by itself; what such a source refuses, it refuses for good."""
    lost_ranges: Sequence[LostRange] = ()
    """What retention took away, oldest first; it only grows. Each becomes an audit row."""
    risks: Sequence[str] = ()
    """How the bus may lose what it has taken, as far as is known once it is subscribed."""
    destination: str = ""
    """The subject, topics or files, for people and for telemetry."""
    scattered: bool = False
    before_revoke: Callable[[], Awaitable[None]] = staticmethod(_nothing_to_flush)

    @property
    def leaves(self) -> float:
        """The share of what may be on its way that it leaves to others: the rest waits here."""
        return 1.0

    @abstractmethod
    async def open(self) -> None:
        """Start to connect; returns at once."""

    @abstractmethod
    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        """Wait for deliveries and return at most `max_messages`.

        May return none after a while. At least one is returned however large it is; after that
        `max_bytes` bounds the chunk. Cancelling it loses nothing: what was not returned is returned by
        the next call.

        Raises EndOfSource when a bounded source is exhausted. Raises SourceRefused when a person has to
        act (a password, a consumer of the wrong kind, a broken file): say so loudly and call again, the
        source goes on trying and raises once for each refusal. A bounded source never recovers.
        """

    @abstractmethod
    def settled(self, deliveries: Sequence[Delivery]) -> None:
        """Note settlements for the next `flush`; called by `consumer.messages.settle` only."""

    @abstractmethod
    async def flush(self) -> None:
        """Tell the bus all settlements so far.

        A settlement that the bus does not hear of means redelivery, never loss: bus errors are reported
        in `status()`, not raised.
        """

    @abstractmethod
    async def status(self) -> SourceStatus:
        """What is known now; must answer within a second even when the bus does not."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what was never received, flush, and let go of the bus; safe to call twice."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
