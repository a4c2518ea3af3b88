"""Messages that the JetStream server gives up: it says so once, to whoever listens, and keeps them in the stream.

Our own consumer has no limit of deliveries, and one with a limit is refused; but somebody may set one while we read.
The advisory is io.nats.jetstream.advisory.v1.max_deliver of nats-server's JetStream events.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from consumer.messages import Message
from consumer.sources.jetstream_consumer import DurableConsumer
from consumer.sources.nats_headers import lowered
from consumer.telemetry import events
from storage.times import to_ms


class _Advisory(msgspec.Struct, frozen=True):
    stream_seq: int
    deliveries: int


class GivenUp:
    """Fetches what the server gives up of one consumer, and hands it to `take`; of several pods one does."""

    def __init__(self, client: Client, consumer: DurableConsumer, take: Callable[[Message], None]) -> None:
        self._client = client
        self._consumer = consumer
        self._take = take

    async def listen(self) -> Subscription:
        """Listen until the subscription ends."""
        stream, name = self._consumer.stream, self._consumer.name
        subject = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{name}"
        return await self._client.subscribe(subject, queue=name, cb=self._told)

    async def _told(self, told: Msg) -> None:
        sequence = 0
        try:
            advisory = msgspec.json.decode(told.data, type=_Advisory)
            sequence = advisory.stream_seq
            self._take(await self._fetch(advisory))
        except (errors.Error, OSError, msgspec.MsgspecError) as error:
            events.message_stranded(self._consumer.stream, sequence, str(error) or type(error).__name__)

    async def _fetch(self, advisory: _Advisory) -> Message:
        stream = self._consumer.stream
        found = await self._client.jetstream().get_msg(stream, advisory.stream_seq)
        return Message(
            found.data or b"",
            "jetstream",
            stream,
            advisory.stream_seq,
            found.subject or "",
            lowered(found.headers) if found.headers else None,
            to_ms(found.time) if found.time else None,
            advisory.deliveries,
            given_up=True,
        )
