"""The NATS core source keeps the contract of a bus that gives each message at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle

import pytest

from consumer.messages import Settlement
from consumer.sources.nats_core import NatsCoreSource
from tests.contracts.source import LOTS, BusUnderTest, HeaderFacts, OutageFacts, data, numbered, settle_all, take, until
from tests.integration.nats_bus import SUBJECT, NatsUnderTest
from tests.servers import Nats, Server

pytestmark = pytest.mark.server("nats")


class CoreUnderTest(NatsUnderTest):
    keeps_time = False

    def source(self, **also: int) -> NatsCoreSource:
        return NatsCoreSource(self.settings, **{"prefetch_messages": 10_000, "prefetch_bytes": LOTS} | also)


@pytest.fixture
async def bus(start_server: Callable[[type[Server]], Server]) -> CoreUnderTest:
    return CoreUnderTest(await asyncio.to_thread(start_server, Nats))


class TestNatsCoreSource(HeaderFacts, OutageFacts):
    @pytest.fixture
    def bus(self, bus: CoreUnderTest) -> BusUnderTest:
        return bus


async def test_what_does_not_fit_is_dropped_and_counted_exactly(bus: CoreUnderTest) -> None:
    async with bus.source(prefetch_messages=10) as source:
        await bus.subscribed(source)
        await bus.publish(*numbered(1000))
        await until(source, lambda status: status.dropped == 990)
        assert data(await source.receive(100, LOTS)) == numbered(10)


async def test_what_weighs_too_much_is_dropped_unless_it_is_alone(bus: CoreUnderTest) -> None:
    async with bus.source(prefetch_bytes=1500) as source:
        await bus.subscribed(source)
        await bus.publish(b"x" * 2000, *numbered(3, size=1000))
        await until(source, lambda status: status.dropped == 3)
        assert data(await source.receive(100, LOTS)) == [b"x" * 2000]
        await bus.publish(*numbered(3, size=1000))
        await until(source, lambda status: status.dropped == 5)
        assert data(await source.receive(100, LOTS)) == numbered(1, size=1000)


async def test_what_waits_when_the_source_closes_is_counted_as_dropped(bus: CoreUnderTest) -> None:
    source = bus.source()
    async with source:
        await bus.subscribed(source)
        await bus.publish(*numbered(20))
        await until(source, lambda status: status.lag == 20)
        await take(source, 5, settle=Settlement.STORED)
    assert (await source.status()).dropped == 15


async def test_the_members_of_the_queue_group_share_the_messages(bus: CoreUnderTest) -> None:
    async with bus.source() as one, bus.source() as two:
        await bus.subscribed(one)
        await bus.subscribed(two)
        await bus.publish(*numbered(200))
        seen: list[bytes] = []
        for source in (one, two):
            await until(source, lambda status: status.lag != 0)
        async with asyncio.timeout(10):
            for source in cycle((one, two)):  # neither has all of its share at once
                chunk = await source.receive(1000, LOTS)
                await settle_all(source, chunk, Settlement.STORED)
                seen += data(chunk)
                if len(seen) >= 200:
                    break
    assert sorted(seen) == sorted(numbered(200))


async def test_a_wildcard_gives_each_message_its_own_subject(bus: CoreUnderTest) -> None:
    settings = bus.settings.model_copy(update={"subject": "md.>"})
    async with NatsCoreSource(settings, prefetch_messages=10, prefetch_bytes=LOTS) as source:
        await bus.subscribed(source)
        await bus.publish(b"{}")
        (delivery,) = await take(source, 1)
    assert (source.destination, delivery.message.subject) == ("md.>", SUBJECT)
