"""To NATS: with JetStream each message is acknowledged by the stream, without it the server has read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nats import errors
from nats.js import JetStreamContext
from nats.js.api import PubAck, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from config.bus import NatsSettings
from consumer.errors import SourceRefused
from consumer.simulator.envelope import Simulated
from consumer.sources.nats_connection import Address, Connection, connected

ANSWER_SECONDS = 10.0

_NO_STREAM = "create it, or let simulate do it with --create"


class NatsPublisher:
    """Publishes to NATS core: at most once, whoever listens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, messages: Sequence[Simulated]) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for message in messages:
                    await self._connection.client.publish(
                        message.subject, message.data, headers=message.headers or None
                    )
                await self._connection.client.flush()
        except (errors.Error, OSError, TimeoutError) as error:
            raise self._connection.error(str(error) or "no answer in time") from error


class JetStreamPublisher:
    """Publishes to a stream; the subjects decide which."""

    def __init__(self, connection: Connection, stream: JetStreamContext) -> None:
        self._connection = connection
        self._stream = stream

    async def publish(self, messages: Sequence[Simulated]) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                acks = [await self._send(message) for message in messages]
                answers = await asyncio.gather(*acks, return_exceptions=True)
        except (errors.Error, OSError, TimeoutError) as error:
            raise self._connection.error(str(error) or "no answer in time") from error
        for message, answer in zip(messages, answers, strict=True):
            if isinstance(answer, NoStreamResponseError):
                raise SourceRefused(f"no stream takes {message.subject}", fix=_NO_STREAM)
            if isinstance(answer, BaseException):
                raise self._connection.error(str(answer)) from answer

    async def _send(self, message: Simulated) -> asyncio.Future[PubAck]:
        return await self._stream.publish_async(message.subject, message.data, headers=message.headers or None)


@asynccontextmanager
async def to_nats(settings: NatsSettings) -> AsyncIterator[NatsPublisher]:
    """A publisher to NATS core; raises SourceUnavailable or SourceRefused."""
    async with connected(Address.of(settings), asyncio.Event()) as connection:
        yield NatsPublisher(connection)


@asynccontextmanager
async def to_jetstream(settings: NatsSettings, *, create: bool) -> AsyncIterator[JetStreamPublisher]:
    """A publisher to the stream of the settings, made with `create` where it is not there.

    Raises SourceUnavailable or SourceRefused.
    """
    async with connected(Address.of(settings), asyncio.Event()) as connection:
        stream = connection.client.jetstream(timeout=ANSWER_SECONDS)
        try:
            await _check_stream(stream, settings, create)
        except (errors.Error, OSError, TimeoutError) as error:
            raise connection.error(str(error) or "no answer in time") from error
        yield JetStreamPublisher(connection, stream)


async def _check_stream(stream: JetStreamContext, settings: NatsSettings, create: bool) -> None:
    try:
        await stream.stream_info(settings.stream)
    except NotFoundError:
        if not create:
            raise SourceRefused(f"there is no stream {settings.stream}", fix=_NO_STREAM) from None
        await stream.add_stream(StreamConfig(name=settings.stream, subjects=[settings.subject]))
