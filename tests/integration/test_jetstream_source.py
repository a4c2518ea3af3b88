"""The JetStream source keeps the contract on a real server, and what only JetStream can do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from consumer.sources.jetstream import JetStreamSource
from tests.contracts.source import BusUnderTest, SourceContract
from tests.integration.nats_bus import SUBJECT, NatsUnderTest
from tests.servers import Nats, Server

pytestmark = pytest.mark.server("nats")


class JetStreamUnderTest(NatsUnderTest):
    async def add_stream(self, **also: Any) -> None:
        async with self.client() as client:
            await client.jetstream().add_stream(name="TEST", subjects=["md.>"], **also)

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        async with self.client() as client:
            js = client.jetstream()
            acks = [await js.publish_async(SUBJECT, m, headers=dict(headers) if headers else None) for m in messages]
            await asyncio.gather(*acks)

    def source(self, **also: int) -> JetStreamSource:
        bounds = {"prefetch_messages": 2000, "prefetch_bytes": 4 * 1024 * 1024} | also
        return JetStreamSource(self.settings, **bounds)


@pytest.fixture
async def jetstream(start_server: Callable[[type[Server]], Server]) -> JetStreamUnderTest:
    bus = JetStreamUnderTest(await asyncio.to_thread(start_server, Nats))
    await bus.add_stream()
    return bus


class TestJetStreamSource(SourceContract):
    @pytest.fixture
    def bus(self, jetstream: JetStreamUnderTest) -> BusUnderTest:
        return jetstream
