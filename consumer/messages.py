"""What comes off a bus: a message, and the delivery that must be settled exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

import msgspec


class Settlement(Enum):
    """What a source is told about a delivery; it translates it into its bus's own words."""

    STORED = "stored"  # every record of it is durable: ack, commit
    LATER = "later"  # give it back: nak with a delay, or leave it uncommitted
    REJECTED = "rejected"  # nothing of it can be stored and the dead letter is durable: term, commit


RawHeaders = Mapping[str, str] | Sequence[tuple[str, bytes | None]]
"""Headers as the driver of a bus has them: texts by name, or pairs with bytes."""


class Message(msgspec.Struct, gc=False):
    """The bytes of one message and where they came from.

    `partition` and `offset` say where on the bus: stream and sequence, topic-partition and offset, file
    and line. `time_ms` is the bus's own stable record time in epoch milliseconds, None where it has none.
    `deliveries` counts from 1; above 1 it is a redelivery. `given_up` says that the bus
    will not deliver it again, whatever becomes of it.
    """

    data: bytes
    source: str
    partition: str
    offset: int
    subject: str = ""
    raw_headers: RawHeaders | None = None
    time_ms: int | None = None
    deliveries: int = 1
    given_up: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, by their names in lower case; made anew each time, for few are asked for them."""
        return readable(self.raw_headers)

    @property
    def position(self) -> str:
        """Where the message stands on its bus, as text that a person can look up."""
        return f"{self.partition}/{self.offset}"


def readable(headers: RawHeaders | None) -> dict[str, str]:
    """Headers by their names in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return {name.lower(): _text(value) for name, value in pairs}


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else (value or b"").decode("utf-8", "replace")


class SettledTwice(RuntimeError):
    """A delivery was settled a second time: a bug of whoever did it."""


class Settler(Protocol):
    """The side of a source that hears of settled deliveries."""

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        """Note them, all settled alike; `Source.flush` tells the bus. Must not wait and must not raise."""
        ...


class Delivery(msgspec.Struct, gc=False, eq=False):
    """A message with its own way back to the bus; it settles exactly once.

    `token` is the source's own: a reply subject, a partition and offset.
    """

    message: Message
    settler: Settler
    token: Any = None
    settlement: Settlement | None = None

    def settle(self, settlement: Settlement) -> None:
        """Decide the fate of the message; raises SettledTwice the second time."""
        settle([self], settlement)


def settle(deliveries: Sequence[Delivery], settlement: Settlement) -> None:
    """Decide the fate of many messages of one source; raises SettledTwice for one that is settled already."""
    for delivery in deliveries:
        if delivery.settlement is not None:
            was, position = delivery.settlement.value, delivery.message.position
            raise SettledTwice(f"{position} was {was}, now {settlement.value}")
        delivery.settlement = settlement
    if deliveries:
        deliveries[0].settler.settled(deliveries)
