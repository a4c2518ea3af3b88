"""A stream as the pipeline sees it: the rows are the messages of nats-py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from consumer.messages import Delivery, Message, RawHeaders, Settlement, Settler
from consumer.runs import Run
from consumer.sources.jetstream_reply import place, places, redelivered
from consumer.sources.nats_message import NatsMessage


class RepliesSettler(Settler, Protocol):
    """The source of messages that are known by their reply subjects."""

    def settled_by_reply(self, replies: Sequence[str], settlement: Settlement) -> None:
        """Note the fate of messages."""
        ...


class StreamChannel(NamedTuple):
    """The messages of one stream."""

    source: str
    partition: str
    settler: RepliesSettler

    def run(self, messages: Sequence[NatsMessage]) -> Run:
        """Messages as they are handed on."""
        again = redelivered([message.reply for message in messages])
        return Run(self, messages, [message.data for message in messages], again)

    def offset(self, row: NatsMessage) -> int:
        return place(row.reply)[0]

    def headers(self, row: NatsMessage) -> RawHeaders | None:
        return row.headers

    def deliveries(self, rows: Sequence[NatsMessage]) -> list[Delivery]:
        replies = [row.reply for row in rows]
        messages = (
            Message(row.data, self.source, self.partition, sequence, row.subject, row.headers, time_ms, deliveries)
            for row, (sequence, time_ms, deliveries) in zip(rows, places(replies), strict=True)
        )
        return [Delivery(message, self.settler, reply) for message, reply in zip(messages, replies, strict=True)]

    def settle(self, rows: Sequence[NatsMessage], settlement: Settlement) -> None:
        self.settler.settled_by_reply([row.reply for row in rows], settlement)
