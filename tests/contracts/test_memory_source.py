"""The memory source keeps the contract, and obeys its signs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from consumer.messages import Message, Settlement
from consumer.sources.base import EndOfSource, Source
from consumer.sources.memory import CRASH, END, PAUSE, Crashed, MemoryBus, MemorySource
from tests.contracts.source import LOTS, BusUnderTest, SourceContract, data, settle_all, take


class QuickSource(MemorySource):
    wait_seconds = 0.05


class MemoryUnderTest(BusUnderTest):
    def __init__(self) -> None:
        self.bus = MemoryBus()

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        for message in messages:
            await self.bus.publish(
                message,
                headers=headers,
                time_ms=time.time_ns() // 1_000_000,
            )

    def source(self) -> Source:
        return QuickSource(self.bus)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.bus.connected = False
        yield
        self.bus.connected = True


class TestMemorySource(SourceContract):
    @pytest.fixture
    def bus(self) -> BusUnderTest:
        return MemoryUnderTest()


async def test_a_pause_is_one_empty_chunk() -> None:
    async with QuickSource(MemoryBus([b"1", PAUSE, b"2"])) as source:
        chunks = [data(await source.receive(10, LOTS)) for _ in range(3)]
    assert chunks == [[b"1"], [], [b"2"]]


async def test_the_end_comes_after_all_messages_and_stays() -> None:
    async with QuickSource(MemoryBus([b"1", END])) as source:
        assert data(await source.receive(10, LOTS)) == [b"1"]
        for _ in range(2):
            with pytest.raises(EndOfSource):
                await source.receive(10, LOTS)


async def test_after_a_crash_the_next_source_is_given_what_was_not_settled() -> None:
    bus = MemoryBus([b"1", b"2", CRASH, b"3", END])
    dead = QuickSource(bus)
    await dead.open()
    first, _ = await take(dead, 2)
    await settle_all(dead, [first], Settlement.STORED)
    with pytest.raises(Crashed):
        await dead.receive(10, LOTS)
    async with QuickSource(bus) as source:
        again = await take(source, 10)
    assert [(d.message.data, d.message.deliveries) for d in again] == [(b"2", 2), (b"3", 1)]


async def test_what_is_given_back_comes_before_the_rest_and_is_counted() -> None:
    async with QuickSource(MemoryBus([b"1", b"2", b"3", END])) as source:
        (first,) = await source.receive(1, LOTS)
        await settle_all(source, [first], Settlement.LATER)
        assert data(await take(source, 3)) == [b"1", b"2", b"3"]
        assert (await source.status()).redelivered == 1


async def test_the_bus_remembers_what_it_was_told_in_order() -> None:
    bus = MemoryBus([b"1", b"2", END])
    async with QuickSource(bus) as source:
        one, two = await take(source, 2)
        two.settle(Settlement.REJECTED)
        one.settle(Settlement.STORED)
        assert bus.settled == []
        await source.flush()
    assert [(m.data, s) for m, s in bus.settled] == [(b"2", Settlement.REJECTED), (b"1", Settlement.STORED)]


async def test_publishing_waits_while_the_bus_is_full() -> None:
    bus = MemoryBus(max_messages=2)
    async with QuickSource(bus) as source:
        await bus.publish(b"1")
        await bus.publish(b"2")
        third = asyncio.create_task(bus.publish(b"3"))
        taken = await take(source, 2)
        assert not third.done()
        await settle_all(source, taken, Settlement.STORED)
        await third
        assert data(await take(source, 1)) == [b"3"]


async def test_a_message_keeps_all_but_its_place() -> None:
    sent = Message(b"{}", "elsewhere", "p", 7, "a.b", {"k": "v"}, 5)
    async with QuickSource(MemoryBus([sent])) as source:
        (delivery,) = await take(source, 1)
    assert delivery.message == Message(b"{}", "memory", "memory", 1, "a.b", {"k": "v"}, 5)
