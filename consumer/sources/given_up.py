"""Messages that the JetStream server gives up: it says so once, to whoever listens, and keeps them in the stream.

Our own consumer has no limit of deliveries, and one with a limit is refused; but somebody may set one while we read.
The advisory is io.nats.jetstream.advisory.v1.max_deliver of nats-server's JetStream events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import NotFoundError

from consumer.messages import Message
from consumer.sources.jetstream_consumer import DurableConsumer
from consumer.telemetry import events
from storage.times import to_ms

ANSWER_SECONDS = 1.0
AGAIN_SECONDS = 1.0


class _Advisory(msgspec.Struct, frozen=True):
    stream_seq: int
    deliveries: int


class GivenUp:
    """Fetches what the server gives up of one consumer, and hands it to `take`; of several pods one does.

    What could not be fetched is tried again each second while the connection stands, and by `retry` on the next one.
    """

    def __init__(self, consumer: DurableConsumer, take: Callable[[Message], None]) -> None:
        self._consumer = consumer
        self._take = take
        self._owed: dict[int, _Advisory] = {}

    async def listen(self, client: Client) -> Subscription:
        """Listen until the subscription ends."""
        stream, name = self._consumer.stream, self._consumer.name
        subject = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{name}"
        return await client.subscribe(subject, queue=name, cb=partial(self._told, client))

    async def retry(self, client: Client) -> None:
        """Fetch what is still owed, until the server does not answer."""
        for advisory in list(self._owed.values()):
            try:
                message = await self._fetch(client, advisory)
            except NotFoundError as error:  # the stream has let go of it: nobody can fetch it any more
                self._forget(advisory)
                self._stranded(advisory.stream_seq, error)
            except (errors.Error, OSError) as error:
                self._stranded(advisory.stream_seq, error)
                return
            else:
                if self._forget(advisory):
                    self._take(message)

    async def _told(self, client: Client, told: Msg) -> None:
        try:
            advisory = msgspec.json.decode(told.data, type=_Advisory)
        except msgspec.MsgspecError as error:
            self._stranded(0, error)
            return
        self._owed[advisory.stream_seq] = advisory
        await self.retry(client)
        while self._owed and client.is_connected:
            await asyncio.sleep(AGAIN_SECONDS)
            await self.retry(client)

    def _forget(self, advisory: _Advisory) -> bool:
        """Whether it was still owed: two may have fetched it at the same time."""
        return self._owed.pop(advisory.stream_seq, None) is not None

    def _stranded(self, sequence: int, error: Exception) -> None:
        events.message_stranded(self._consumer.stream, sequence, str(error) or type(error).__name__)

    async def _fetch(self, client: Client, advisory: _Advisory) -> Message:
        stream = self._consumer.stream
        found = await client.jetstream(timeout=ANSWER_SECONDS).get_msg(stream, advisory.stream_seq)
        return Message(
            found.data or b"",
            "jetstream",
            stream,
            advisory.stream_seq,
            found.subject or "",
            found.headers,
            to_ms(found.time) if found.time else None,
            advisory.deliveries,
            given_up=True,
        )
