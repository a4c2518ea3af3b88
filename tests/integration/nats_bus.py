"""NATS as a bus under test: a server of its own that can go away, and settings that reach it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client
from pydantic import SecretStr

from config.bus import NatsSettings
from tests.contracts.source import BusUnderTest
from tests.servers import Server

SUBJECT = "md.test.trade"


class NatsUnderTest(BusUnderTest):
    """A NATS server that nobody else uses; `prepare` is awaited once it runs."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def settings(self) -> NatsSettings:
        return NatsSettings(
            url=SecretStr(self.server.url), stream="TEST", subject=SUBJECT, durable="tapestore", ack_wait_seconds=2
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        client = await nats.connect(self.server.url)
        try:
            yield client
        finally:
            await client.close()

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        async with self.client() as client:
            for message in messages:
                await client.publish(SUBJECT, message, headers=dict(headers) if headers else None)
            await client.flush()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.server.stop)
        yield
        await asyncio.to_thread(self.server.start)
