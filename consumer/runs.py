"""Messages that came together, as the driver of their bus has them: most are never looked at one by one.

To make a message, its delivery and its record of each cost a quarter of the way from Kafka to MongoDB
(docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, groupby
from typing import Any, NamedTuple, Protocol, overload

from consumer.messages import Delivery, Message, RawHeaders, Settlement, Settler, readable, settle


class Channel(Protocol):
    """One partition of a bus as its source reads it: where the driver's rows come from, and the way back.

    Two that are equal are the same.
    """

    @property
    def source(self) -> str: ...

    @property
    def partition(self) -> str: ...

    def offset(self, row: Any) -> int:
        """Where on the partition a row stands."""
        ...

    def headers(self, row: Any) -> RawHeaders | None:
        """The headers of a row."""
        ...

    def deliveries(self, rows: Sequence[Any]) -> list[Delivery]:
        """A delivery of each row."""
        ...

    def settle(self, rows: Sequence[Any], settlement: Settlement) -> None:
        """Decide the fate of rows of which no delivery was made. Must not wait and must not raise."""
        ...


def trace_of(headers: RawHeaders | None) -> str | None:
    """The W3C trace context that headers tell."""
    return readable(headers).get("traceparent") if headers else None


class _Deliveries(Sequence[Delivery]):
    """Deliveries that are made when somebody looks at one of them."""

    @cached_property
    def _each(self) -> list[Delivery]:
        return self._made()

    def _made(self) -> list[Delivery]:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> list[Delivery]: ...
    def __getitem__(self, index: int | slice) -> Delivery | list[Delivery]:
        return self._each[index]

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._each)


class Run(_Deliveries):
    """Messages of one partition, in their order, as columns.

    `rows` are theirs, `data` is what each says, `redelivered` counts those that were delivered before, `given_up` says
    that the bus gave some of them up, `size` are the bytes of all. Whoever looks at a delivery settles by deliveries;
    whoever looks at none settles rows.
    """

    def __init__(
        self,
        channel: Channel,
        rows: Sequence[Any],
        data: list[bytes],
        redelivered: int = 0,
        given_up: bool = False,
    ) -> None:
        self.channel = channel
        self.rows = rows
        self.data = data
        self.redelivered = redelivered
        self.given_up = given_up
        self.size = sum(map(len, data))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def traceparents(self) -> Iterator[str | None]:
        """The traces that headers tell."""
        return (trace_of(self.channel.headers(row)) for row in self.rows)

    def pick(self, places: Sequence[int]) -> tuple[list[Any], list[bytes]]:
        """The rows of those messages, and what they say."""
        rows, data = self.rows, self.data
        return [rows[place] for place in places], [data[place] for place in places]

    def delivery(self, place: int) -> Delivery:
        """A delivery of this one message; each call makes another."""
        return self.channel.deliveries(self.rows[place : place + 1])[0]

    def _made(self) -> list[Delivery]:
        return self.channel.deliveries(self.rows)


class Runs(_Deliveries):
    """Runs of several partitions, one after another."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def _made(self) -> list[Delivery]:
        return list(chain.from_iterable(self.runs))


class MessagesSettler(Settler, Protocol):
    """A source that makes its messages itself, of lines or of what a driver has."""

    def settled_messages(self, messages: Sequence[Message], settlement: Settlement) -> None:
        """Note the fate of messages of one partition."""
        ...


class Messages(NamedTuple):
    """The channel of such a source: its rows are the messages."""

    source: str
    partition: str
    settler: MessagesSettler

    def run(self, messages: Sequence[Message]) -> Run:
        """Messages as they are handed on."""
        return _run(self, messages, messages)

    def offset(self, row: Message) -> int:
        return row.offset

    def headers(self, row: Message) -> RawHeaders | None:
        return row.raw_headers

    def deliveries(self, rows: Sequence[Message]) -> list[Delivery]:
        return [Delivery(message, self.settler) for message in rows]

    def settle(self, rows: Sequence[Message], settlement: Settlement) -> None:
        self.settler.settled_messages(rows, settlement)


class _Made(NamedTuple):
    """The channel of deliveries that a source has made itself."""

    source: str
    partition: str

    def offset(self, row: Delivery) -> int:
        return row.message.offset

    def headers(self, row: Delivery) -> RawHeaders | None:
        return row.message.raw_headers

    def deliveries(self, rows: Sequence[Delivery]) -> list[Delivery]:
        return list(rows)

    def settle(self, rows: Sequence[Delivery], settlement: Settlement) -> None:
        settle(rows, settlement)


def runs_of(deliveries: Sequence[Delivery]) -> Sequence[Run]:
    """What a source has received, as runs."""
    if isinstance(deliveries, Run):
        return [deliveries] if deliveries else []
    if isinstance(deliveries, Runs):
        return deliveries.runs
    by_place = ((place, list(rows)) for place, rows in groupby(deliveries, _place))
    return [_run(_Made(*place), rows, [row.message for row in rows]) for place, rows in by_place]


def _place(delivery: Delivery) -> tuple[str, str]:
    return delivery.message.source, delivery.message.partition


def _run(channel: Channel, rows: Sequence[Any], messages: Sequence[Message]) -> Run:
    redelivered = sum([message.deliveries > 1 for message in messages])
    given_up = any(message.given_up for message in messages)
    return Run(channel, rows, [message.data for message in messages], redelivered, given_up)
