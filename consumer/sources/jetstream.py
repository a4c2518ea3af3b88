"""NATS JetStream: a durable pull consumer that all pods share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from random import uniform
from typing import ClassVar

from nats import errors
from nats.aio.client import Client

from config.bus import NatsSettings
from consumer.errors import SourceError
from consumer.messages import Delivery, Message, Settlement
from consumer.sources.base import SourceStatus
from consumer.sources.buffer import Buffer
from consumer.sources.given_up import GivenUp
from consumer.sources.jetstream_channel import StreamChannel
from consumer.sources.jetstream_consumer import ConsumerConfig, ConsumerInfo, DurableConsumer
from consumer.sources.jetstream_reply import consumer_sequence
from consumer.sources.leases import Leases
from consumer.sources.nats_connection import Connection, publish_to_each
from consumer.sources.nats_message import NatsMessage
from consumer.sources.nats_source import FAREWELL_SECONDS, NatsSource
from consumer.sources.standing_pull import StandingPull

STATUS_SECONDS = 0.8
GIVEN_BACK_SECONDS = (0.5, 2.0)  # spread, so that a failed batch does not come again as one lump
WRITE = 1000  # messages of which the server is told in one go; then others get their turn

ACK, TERM, PROGRESS, NAK = b"+ACK", b"+TERM", b"+WPI", b"-NAK"
Told = tuple[bytes, list[str]]
"""A word to the server, and the reply subjects of the messages that it is about."""


class JetStreamSource(NatsSource):
    """Reads one subject of one stream, at least once, in the order of the stream.

    The consumer is made when it is missing: explicit acks, everything from the beginning, deliveries
    without limit. One that is there is used as it is, or refused when it would lose messages. The stream
    is never made. What is held here, received or not, is kept from timing out; what comes again meanwhile
    is handed on as another delivery of the same place.
    """

    name: ClassVar[str] = "jetstream"

    def __init__(
        self, settings: NatsSettings, *, prefetch_messages: int, prefetch_bytes: int, max_ack_pending: int = 0
    ) -> None:
        super().__init__(settings, prefetch_messages=prefetch_messages, prefetch_bytes=prefetch_bytes)
        self._consumer = DurableConsumer(settings.stream, settings.durable)
        self._channel = StreamChannel(self.name, settings.stream, self)
        self._max_ack_pending = max(max_ack_pending, 2 * prefetch_messages)
        self._info: ConsumerInfo | None = None
        self._pull: StandingPull | None = None
        self._leases = Leases()
        self._unsent: deque[Told] = deque()
        self._redelivered = 0
        self._last_reply = ""
        self._given_up: Buffer[Message] = Buffer()
        self._giving_up = GivenUp(self._consumer, self._take_given_up)

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if self._given_up:
            given_up = await self._given_up.take(max_messages, max_bytes, 0)
            return [Delivery(message, self, "") for message in given_up]
        deliveries = await super().receive(max_messages, max_bytes)
        if self._pull is not None and self._pull.wants_more:
            self._turn.set()
        return deliveries

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        settlement = deliveries[0].settlement or Settlement.LATER  # of all of them
        if settlement is Settlement.LATER:
            # nobody else will bring them again
            self._given_up.extend([each.message for each in deliveries if each.message.given_up])
        self.settled_by_reply([delivery.token for delivery in deliveries], settlement)

    def settled_by_reply(self, replies: Sequence[str], settlement: Settlement) -> None:
        ours = self._leases.end(replies)  # what is not belongs to a consumer that is gone, or we are closed
        if settlement is Settlement.LATER:
            self._unsent.extend((_later(), [reply]) for reply in ours)
        else:
            self._unsent.append((ACK if settlement is Settlement.STORED else TERM, ours))

    async def flush(self) -> None:
        if self._connection is not None and self._subscribed:  # before that, it may be another consumer's
            await self._send(self._connection.client)

    async def status(self) -> SourceStatus:
        info, problem = await self._look()
        return SourceStatus(
            connected=self._connection is not None and self._connection.is_good,
            subscribed=self._subscribed,
            lag=info.lag if info else None,
            due=len(self._leases) + (info.num_pending if info.owes_messages else 0) if info else None,
            redelivered=self._redelivered,
            problem=self._problem or problem,
            details={
                "stream": self._settings.stream,
                "consumer": self._settings.durable,
                "num_pending": info.num_pending if info else None,
                "num_ack_pending": info.num_ack_pending if info else None,
                "max_ack_pending": info.config.max_ack_pending if info else None,
                "filter_subject": info.config.filter_subject if info else None,
                "held": len(self._leases),
                "buffered_messages": len(self._buffer),
                "buffered_bytes": self._buffer.bytes,
                "asked": self._pull.asked if self._pull else 0,
            },
        )

    async def _look(self) -> tuple[ConsumerInfo | None, str]:
        if self._connection is None or not self._subscribed:
            return None, ""
        try:
            return await self._consumer.info(self._connection.client, STATUS_SECONDS), ""
        except (SourceError, errors.Error, OSError) as error:
            return None, str(error)

    async def _session(self, connection: Connection) -> None:
        info = await self._bind(connection.client)
        self.risks = [*await self._consumer.risks(connection.client), *self._stalls(info.config.max_ack_pending)]
        pull = StandingPull(
            connection.client,
            self._consumer,
            info,
            prefetch_messages=self._prefetch_messages,
            prefetch_bytes=self._prefetch_bytes,
            buffer=self._buffer,
            given=self._leases.add,
            turn=self._turn,
        )
        await pull.subscribe()
        advisories = await self._giving_up.listen(connection.client)
        try:
            self._pull = pull
            self._serving()
            await self._giving_up.retry(connection.client)
            await self._serve(connection, pull, info.config.ack_wait / 3e9)
        finally:
            self._pull = None
            await self._unsubscribe(pull.subscription)
            pull.take_in()
            await self._unsubscribe(advisories)
            if self._closed:
                await self._give_back(connection.client)

    def _stalls(self, limit: int) -> list[str]:
        """What a limit of unsettled messages below twice our own does to the flow."""
        if not 0 < limit < self._max_ack_pending:
            return []
        name, wanted = self._settings.durable, self._max_ack_pending
        return [f"consumer {name} stops at {limit} unsettled messages: raise max_ack_pending to {wanted}"]

    def _take_given_up(self, message: Message) -> None:
        self._given_up.put(message)
        self._buffer.wake()

    async def _bind(self, client: Client) -> ConsumerInfo:
        """Find or make the consumer; what was given by another one of that name can no longer be settled.

        A new stream counts from 1 again: an ack that was meant for the old one would ack an unseen message.
        """
        info = await self._consumer.bind(
            client,
            ConsumerConfig(
                durable_name=self._settings.durable,
                ack_policy="explicit",
                ack_wait=int(self._settings.ack_wait_seconds * 1e9),
                max_ack_pending=self._max_ack_pending,
                filter_subject=self._settings.subject,
            ),
        )
        if self._info is not None and not info.continues(self._info, self._seen()):
            self._leases.end_all()
            self._unsent.clear()
            self._last_reply = ""
        self._info = info
        return info

    async def _serve(self, connection: Connection, pull: StandingPull, renew_seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        renewal = clock() + renew_seconds
        while connection.is_good:
            await self._send(connection.client)
            await pull.step()
            if clock() >= renewal:
                renewal = clock() + renew_seconds
                await _tell(connection.client, deque([(PROGRESS, self._leases.due())]))
        raise connection.error("connection lost")

    async def _send(self, client: Client) -> None:
        """What is not sent because the connection breaks is sent by the next session, or comes again."""
        with suppress(errors.Error):
            await _tell(client, self._unsent)

    async def _give_back(self, client: Client) -> None:
        """Nobody works on it any more: let another have it at once instead of after ack_wait."""
        with suppress(SourceError, errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS / 3):
                await self._send(client)
                # makes the server forget our pull; 2.9 would take a message from the rest for it, until ack_wait
                await self._consumer.info(client)
                await _tell(client, deque([(NAK, self._leases.end_all())]))
                await client.flush()
        self._buffer.clear()

    def _seen(self) -> int:
        return consumer_sequence(self._last_reply) if self._last_reply else 0

    def _deliveries(self, messages: Sequence[NatsMessage]) -> Sequence[Delivery]:
        self._last_reply = messages[-1].reply
        run = self._channel.run(messages)
        self._redelivered += run.redelivered
        return run


def _later() -> bytes:
    return b'%s {"delay": %d}' % (NAK, int(uniform(*GIVEN_BACK_SECONDS) * 1e9))  # noqa: S311 - jitter, no secret


async def _tell(client: Client, told: deque[Told]) -> None:
    """Send all of it, in few writes. What could not be sent stays."""
    while told:
        word, replies = told.popleft()
        try:
            for start in range(0, len(replies), WRITE):
                await publish_to_each(client, replies[start : start + WRITE], word)
                await asyncio.sleep(0)
        except errors.Error:
            told.appendleft((word, replies))
            raise
