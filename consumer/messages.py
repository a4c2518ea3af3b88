"""What comes off a bus: a message, and the delivery that must be settled exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

import msgspec


class Settlement(Enum):
    """What a source is told about a delivery; it translates it into its bus's own words."""

    STORED = "stored"  # every record of it is durable: ack, commit
    LATER = "later"  # give it back: nak with a delay, or leave it uncommitted
    REJECTED = "rejected"  # nothing of it can be stored and the dead letter is durable: term, commit


class Message(msgspec.Struct, gc=False):
    """The bytes of one message and where they came from.

    `partition` and `offset` say where on the bus: stream and sequence, topic-partition and offset, file
    and line. `time_ms` is the bus's own stable record time in epoch milliseconds, None where it has none.
    Header names are lower case. `deliveries` counts from 1; above 1 it is a redelivery.
    """

    data: bytes
    source: str
    partition: str
    offset: int
    subject: str = ""
    headers: Mapping[str, str] | None = None
    time_ms: int | None = None
    deliveries: int = 1

    @property
    def position(self) -> str:
        """Where the message stands on its bus, as text that a person can look up."""
        return f"{self.partition}/{self.offset}"


class SettledTwice(RuntimeError):
    """A delivery was settled a second time: a bug of whoever did it."""


class Settler(Protocol):
    """The side of a source that hears of settled deliveries."""

    def settled(self, delivery: Delivery) -> None:
        """Note it; `Source.flush` tells the bus. Must not wait and must not raise."""
        ...


class Delivery:
    """A message with its own way back to the bus; it settles exactly once.

    `token` is the source's own: a reply subject, a partition and offset.
    """

    __slots__ = ("message", "settlement", "settler", "token")

    def __init__(self, message: Message, settler: Settler, token: Any = None) -> None:
        self.message = message
        self.settler = settler
        self.token = token
        self.settlement: Settlement | None = None

    def settle(self, settlement: Settlement) -> None:
        """Decide the fate of the message; raises SettledTwice the second time."""
        if self.settlement is not None:
            raise SettledTwice(f"{self.message.position} was {self.settlement.value}, now {settlement.value}")
        self.settlement = settlement
        self.settler.settled(self)
