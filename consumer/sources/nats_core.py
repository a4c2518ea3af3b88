"""NATS without JetStream: nothing comes twice, and what we cannot hold is lost, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from config.bus import NatsSettings
from consumer.messages import Delivery, Message, Settlement
from consumer.runs import Messages, Runs
from consumer.sources.base import Guarantee, SourceStatus
from consumer.sources.nats_connection import Connection
from consumer.sources.nats_message import NatsMessage
from consumer.sources.nats_source import NatsSource
from consumer.telemetry import events


class NatsCoreSource(NatsSource):
    """A member of the queue group that bears the durable's name; at most once.

    The bus cannot be paused: what comes while `prefetch_messages` or `prefetch_bytes` wait here is dropped,
    counted in `status().dropped` and logged, and so is what waits when the source closes. What is published
    while nobody is connected is lost without anybody knowing how much. Settling changes nothing. Messages
    have no time of the bus; offsets count from 1 in this process.
    """

    name: ClassVar[str] = "nats"
    guarantee: ClassVar[Guarantee] = Guarantee.AT_MOST_ONCE
    risks = ("NATS core delivers at most once: what is not received while we are away is lost; use JetStream",)

    def __init__(self, settings: NatsSettings, *, prefetch_messages: int, prefetch_bytes: int) -> None:
        super().__init__(settings, prefetch_messages=prefetch_messages, prefetch_bytes=prefetch_bytes)
        self._received = 0
        self._settled = 0
        self._dropped = 0

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        self._settled += len(deliveries)

    def settled_messages(self, messages: Sequence[Message], settlement: Settlement) -> None:
        self._settled += len(messages)

    async def flush(self) -> None:
        """There is nobody to tell."""

    async def status(self) -> SourceStatus:
        return SourceStatus(
            connected=self._connection is not None and self._connection.is_good,
            subscribed=self._subscribed,
            lag=len(self._buffer) + self._received - self._settled,
            dropped=self._dropped,
            problem=self._problem,
            details={"buffered_messages": len(self._buffer), "buffered_bytes": self._buffer.bytes},
        )

    async def close(self) -> None:
        await super().close()
        self._drop(self._buffer.clear())

    async def _session(self, connection: Connection) -> None:
        client = connection.client
        subscription = await client.subscribe(
            self._settings.subject,
            queue=self._settings.durable,
            cb=self._arrived,
            pending_msgs_limit=0,  # no limits of the driver's own: it would drop what we do not count
            pending_bytes_limit=0,
        )
        try:
            await client.flush(2)
            self._serving()
            while connection.is_good:
                await self._turn.wait()
                self._turn.clear()
            raise connection.error("connection lost")
        finally:
            await self._unsubscribe(subscription)

    async def _arrived(self, message: NatsMessage) -> None:
        full = len(self._buffer) >= self._prefetch_messages
        heavy = self._buffer.bytes + len(message.data) > self._prefetch_bytes
        if full or (heavy and len(self._buffer)):
            self._drop(1)
        else:
            self._buffer.put(message)

    def _drop(self, count: int) -> None:
        if count:
            self._dropped += count
            events.records_dropped(self.name, count)

    def _deliveries(self, messages: Sequence[NatsMessage]) -> Sequence[Delivery]:
        by_subject: dict[str, list[Message]] = {}
        for message in map(self._message, messages):
            by_subject.setdefault(message.subject, []).append(message)
        return Runs([Messages(self.name, subject, self).run(some) for subject, some in by_subject.items()])

    def _message(self, message: NatsMessage) -> Message:
        self._received += 1
        subject = message.subject
        return Message(message.data, self.name, subject, self._received, subject, message.headers)
