"""What lies in a batch: the parts of messages, each with its message, or many of one run together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from consumer.messages import Delivery
from consumer.pipeline.tally import Counts
from consumer.pipeline.ticket import Ticket
from consumer.runs import Channel, trace_of
from storage import Reason, Table
from storage.packed import Item, Packed, Unpacks


@dataclass(frozen=True, eq=False)
class Lane:
    """Where a batch goes: a collection, or the dead letters when there is no table. One object for each."""

    table: Table | None
    collection: str

    @property
    def kind(self) -> str:
        """The kind of record, for logs and metrics: never a symbol."""
        return self.table.name if self.table else self.collection


DEAD_LETTERS = Lane(None, "dead_letters")


class Failed(msgspec.Struct, gc=False, eq=False):
    """An element that cannot be a record, or a record that no store takes."""

    delivery: Delivery
    counts: Counts
    element: int
    reason: Reason
    error: str
    traceparent: str | None
    ticket: Ticket | None

    @property
    def time_ms(self) -> int | None:
        """When the bus had the message."""
        return self.delivery.message.time_ms

    @property
    def traceparents(self) -> Sequence[str | None]:
        """Its trace."""
        return (self.traceparent,)


class Entry(msgspec.Struct, gc=False, eq=False):
    """A record on its way. Most messages say one: it has no ticket, and settles its message alone."""

    delivery: Delivery
    counts: Counts
    element: int
    item: Item
    traceparent: str | None
    ticket: Ticket | None

    def rejected(self, reason: Reason, error: str) -> Failed:
        """The same part, now that it cannot be stored."""
        return Failed(self.delivery, self.counts, self.element, reason, error, self.traceparent, self.ticket)

    # as a strand of one

    @property
    def time_ms(self) -> int | None:
        return self.delivery.message.time_ms

    @property
    def entries(self) -> Sequence[Entry]:
        return (self,)

    @property
    def symbol(self) -> str:
        return self.item.symbol

    @property
    def keys(self) -> Sequence[str]:
        return (self.item.key,) if isinstance(self.item, Packed) else ()

    @property
    def bodies(self) -> Sequence[Any]:
        return (self.item.body,) if isinstance(self.item, Packed) else ()

    @property
    def traceparents(self) -> Sequence[str | None]:
        return (self.traceparent,)


class Strand(msgspec.Struct, gc=False, eq=False):
    """Usual records of one channel that go to the same place, as columns; each has its message to itself.

    `rows` are their messages as the driver has them, `data` what those say, `size` their bytes, `parents` the traces
    that are not in headers.
    """

    channel: Channel
    counts: Counts
    table: str
    symbol: str
    unpacks: Unpacks
    size: int
    rows: list[Any]
    data: list[bytes]
    keys: list[str]
    bodies: list[Any]
    parents: list[str | None]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each message."""
        return list(map(len, self.data))

    @property
    def span(self) -> tuple[int, int]:
        """The offsets of the first and of the last message."""
        return self.channel.offset(self.rows[0]), self.channel.offset(self.rows[-1])

    @property
    def time_ms(self) -> int | None:
        """When the bus had the first message."""
        return self.channel.deliveries(self.rows[:1])[0].message.time_ms

    @property
    def _columns(self) -> tuple[list[Any], ...]:
        return self.rows, self.data, self.keys, self.bodies, self.parents

    def __getitem__(self, some: slice) -> Strand:
        size = sum(map(len, self.data[some]))
        columns = (column[some] for column in self._columns)
        return Strand(self.channel, self.counts, self.table, self.symbol, self.unpacks, size, *columns)

    def join(self, others: list[Any]) -> None:
        """Follow parts of the same collection, as part of the last one if that is of the same channel."""
        last = others[-1] if others else None
        if isinstance(last, Strand) and last.channel == self.channel:
            last.size += self.size
            last.rows += self.rows
            last.data += self.data
            last.keys += self.keys
            last.bodies += self.bodies
            last.parents += self.parents
        else:
            others.append(self)

    @property
    def traceparents(self) -> Iterator[str | None]:
        """The trace of each."""
        return map(self._trace, self.rows, self.parents)

    def _trace(self, row: Any, parent: str | None) -> str | None:
        return parent or trace_of(self.channel.headers(row))

    @property
    def entries(self) -> Sequence[Entry]:
        """The same, each for itself: made anew, to be settled in its place."""
        deliveries = self.channel.deliveries(self.rows)
        items = map(self._item, deliveries, self.keys, self.bodies)
        return [
            Entry(delivery, self.counts, 0, item, traceparent, None)
            for delivery, item, traceparent in zip(deliveries, items, self.traceparents, strict=True)
        ]

    def _item(self, delivery: Delivery, key: str, body: Any) -> Packed:
        return Packed(self.symbol, key, body, self.table, delivery.message, self.unpacks)


Part = Entry | Failed | Strand
