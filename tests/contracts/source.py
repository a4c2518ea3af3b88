"""What sources promise, written once: their tests inherit `SourceContract`, or the facts that hold for their bus."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from consumer.messages import Delivery, SettledTwice, Settlement
from consumer.sources.base import EndOfSource, Source, SourceStatus

LOTS = 64 * 1024 * 1024
PATIENCE_SECONDS = 30.0


class BusUnderTest(ABC):
    """The far side of a source: a bus of its own for each test, and the sources that read it."""

    keeps_time = True  # else a message has no time

    @abstractmethod
    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Put messages on the bus, in this order, and return when the bus has them."""

    @abstractmethod
    def source(self) -> Source:
        """A new source, not opened, that reads this bus as the same consumer as those before it."""

    async def subscribed(self, source: Source) -> None:
        """Wait until the source would see what is published from now on."""
        await until(source, lambda status: status.connected and status.subscribed)

    def away(self) -> AbstractAsyncContextManager[None]:
        """Inside of it nobody answers where the bus should be."""
        raise NotImplementedError


async def until(source: Source, holds: Callable[[SourceStatus], bool]) -> SourceStatus:
    """Ask for the status until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(status := await source.status()):
        assert time.monotonic() < deadline, status
        await asyncio.sleep(0.02)
    return status


async def take(
    source: Source, count: int, *, max_messages: int = 1000, max_bytes: int = LOTS, settle: Settlement | None = None
) -> list[Delivery]:
    """Receive until so many are here or a bounded source has ended; settle and flush each chunk at once if asked."""
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(taken) < count:
            try:
                chunk = await source.receive(min(max_messages, count - len(taken)), max_bytes)
            except EndOfSource:
                break
            taken += chunk
            if settle is not None:
                await settle_all(source, chunk, settle)
    return taken


async def settle_all(source: Source, deliveries: Sequence[Delivery], settlement: Settlement) -> None:
    """Settle these and tell the bus."""
    for delivery in deliveries:
        delivery.settle(settlement)
    await source.flush()


async def comes_again(bus: BusUnderTest, count: int) -> list[bytes]:
    """What a new source is given, `count` messages at most; they are settled. Nothing may come after them."""
    async with bus.source() as source:
        again = await take(source, count, settle=Settlement.STORED)
        assert not await nothing_more(source)
    return data(again)


async def drained(source: Source) -> list[bytes]:
    """All that still comes, settled, until nothing waits."""
    got: list[bytes] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await source.status()).lag != 0:
            chunk = await source.receive(1000, LOTS)
            await settle_all(source, chunk, Settlement.STORED)
            got += data(chunk)
    return got


async def nothing_more(source: Source) -> list[bytes]:
    """What still comes once the source knows that nothing waits for it."""
    await until(source, lambda status: status.lag == 0)
    try:
        return data(await source.receive(10, LOTS))
    except EndOfSource:
        return []


def data(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.message.data for delivery in deliveries]


def numbered(count: int, *, size: int = 0) -> list[bytes]:
    """Different messages, each at least `size` bytes."""
    return [b'{"n":%d}' % n + b" " * max(0, size - 12) for n in range(count)]


class SourceBasics:
    """What holds for each source; the subclass gives the fixture `bus`, empty at the start of each test."""

    @pytest.fixture
    def bus(self) -> BusUnderTest:
        raise NotImplementedError

    @pytest.fixture
    async def source(self, bus: BusUnderTest) -> AsyncIterator[Source]:
        """An open source that sees what is published from now on."""
        source = bus.source()
        if not source.bounded:
            await source.open()
            await bus.subscribed(source)
        yield source
        await source.close()

    @staticmethod
    async def given(bus: BusUnderTest, source: Source, *messages: bytes, **also: Mapping[str, str]) -> None:
        """Publish; a bounded source is opened only now, it ends where its bus ended."""
        await bus.publish(*messages, **also)
        if source.bounded:
            await source.open()

    async def test_messages_come_in_the_order_in_which_they_were_published(
        self, bus: BusUnderTest, source: Source
    ) -> None:
        sent = numbered(2500)
        await self.given(bus, source, *sent)
        taken = await take(source, 2500, max_messages=700)
        assert data(taken) == sent
        assert [d.message.offset for d in taken] == sorted({d.message.offset for d in taken})

    async def test_a_message_says_where_it_stands_on_its_bus(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}")
        message = (await take(source, 1))[0].message
        assert message.source == source.name
        assert message.position == f"{message.partition}/{message.offset}"
        assert message.partition
        assert message.deliveries == 1

    async def test_bytes_arrive_as_they_were_sent(self, bus: BusUnderTest, source: Source) -> None:
        sent = [bytes(set(range(256)) - {10, 13}), "Öl €".encode(), b"{not json", b" "]
        await self.given(bus, source, *sent)
        assert data(await take(source, len(sent))) == sent

    async def test_a_message_without_headers_has_none(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}")
        assert not (await take(source, 1))[0].message.headers

    async def test_the_time_is_the_bus_s_own_in_milliseconds(self, bus: BusUnderTest, source: Source) -> None:
        before = time.time_ns() // 1_000_000
        await self.given(bus, source, b"{}")
        after = time.time_ns() // 1_000_000
        time_ms = (await take(source, 1))[0].message.time_ms
        if bus.keeps_time:
            assert time_ms is not None
            assert before <= time_ms <= after
        else:
            assert time_ms is None

    async def test_a_chunk_has_at_most_the_messages_that_were_asked_for(
        self, bus: BusUnderTest, source: Source
    ) -> None:
        await self.given(bus, source, *numbered(10))
        sizes: list[int] = []
        while sum(sizes) < 10:
            sizes.append(len(await source.receive(3, LOTS)))
        assert max(sizes) == 3

    async def test_a_chunk_has_at_most_the_bytes_that_were_asked_for_but_at_least_one_message(
        self, bus: BusUnderTest, source: Source
    ) -> None:
        await self.given(bus, source, *numbered(4, size=1000))
        sizes: list[int] = []
        while sum(sizes) < 4:
            sizes.append(len(await source.receive(100, 10)))
        assert max(sizes) == 1

    async def test_a_message_that_is_larger_than_all_bounds_comes_through(
        self, bus: BusUnderTest, source: Source
    ) -> None:
        large = b"x" * 900_000
        await self.given(bus, source, b"before", large, b"after")
        assert data(await take(source, 3, max_bytes=1000)) == [b"before", large, b"after"]

    async def test_a_delivery_settles_once(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}")
        (delivery,) = await take(source, 1)
        delivery.settle(Settlement.STORED)
        with pytest.raises(SettledTwice):
            delivery.settle(Settlement.REJECTED)

    @pytest.mark.parametrize("settlement", [Settlement.STORED, Settlement.REJECTED])
    async def test_what_was_settled_for_good_does_not_come_again(
        self, bus: BusUnderTest, source: Source, settlement: Settlement
    ) -> None:
        await self.given(bus, source, *numbered(50))
        await take(source, 50, settle=settlement)
        await source.close()
        assert await comes_again(bus, 0) == []

    async def test_nothing_is_lost_when_receiving_is_cancelled(self, bus: BusUnderTest, source: Source) -> None:
        sent = numbered(300)
        if source.bounded:
            await self.given(bus, source, *sent)
        cancelled = asyncio.create_task(source.receive(7, LOTS))
        await asyncio.sleep(0)
        cancelled.cancel()
        (result,) = await asyncio.gather(cancelled, return_exceptions=True)
        before = [] if isinstance(result, BaseException) else list(result)
        if not source.bounded:
            await self.given(bus, source, *sent)
        taken = before + await take(source, 300 - len(before), max_messages=50)
        assert data(taken) == sent

    async def test_the_lag_falls_to_nothing_once_all_is_settled(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, *numbered(20))
        await until(source, lambda status: status.lag == 20)
        taken = await take(source, 20)
        await until(source, lambda status: status.lag == 20)
        await settle_all(source, taken, Settlement.STORED)
        status = await until(source, lambda status: status.lag == 0)
        assert status.connected
        assert status.subscribed
        assert not status.problem
        assert status.dropped == 0

    async def test_closing_twice_is_harmless(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}")
        await source.close()
        await source.close()

    async def test_settling_after_close_is_harmless(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}")
        (delivery,) = await take(source, 1)
        await source.close()
        delivery.settle(Settlement.STORED)
        await source.flush()

    async def test_closing_without_opening_is_harmless(self, bus: BusUnderTest) -> None:
        await bus.source().close()


class HeaderFacts(SourceBasics):
    """A bus whose messages have headers."""

    async def test_headers_arrive_in_lower_case(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, b"{}", headers={"Traceparent": "00-0af7-b7ad-01", "X-Kind": "a: b"})
        headers = (await take(source, 1))[0].message.headers
        assert headers is not None
        assert headers["traceparent"] == "00-0af7-b7ad-01"
        assert headers["x-kind"] == "a: b"


class RedeliveryFacts(SourceBasics):
    """A bus that keeps a message until it is settled for good."""

    async def test_what_was_given_back_comes_again(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, *numbered(5))
        first = await take(source, 5)
        await settle_all(source, first[:3], Settlement.STORED)
        await settle_all(source, first[3:], Settlement.LATER)
        await source.close()
        assert sorted(await comes_again(bus, 2)) == numbered(5)[3:]

    async def test_what_was_not_settled_comes_again(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, *numbered(40))
        first = await take(source, 30)
        await settle_all(source, first[:10], Settlement.STORED)
        await source.close()
        assert await comes_again(bus, 30) == numbered(40)[10:]


class OutageFacts(SourceBasics):
    """A bus without an end, on a server that may go away."""

    async def test_receiving_returns_after_a_while_when_nothing_comes(self, source: Source) -> None:
        async with asyncio.timeout(10):
            assert not await source.receive(10, LOTS)

    async def test_a_bus_that_is_not_there_at_first_is_used_once_it_is(self, bus: BusUnderTest) -> None:
        source = bus.source()
        async with bus.away():
            await source.open()
            status = await until(source, lambda status: bool(status.problem))
            assert not status.connected
            assert not await source.receive(1, LOTS)
        try:
            await bus.subscribed(source)
            await bus.publish(b"at last")
            assert data(await take(source, 1, settle=Settlement.STORED)) == [b"at last"]
            assert not (await source.status()).problem
        finally:
            await source.close()

    async def test_a_bus_that_goes_away_is_used_again_once_it_is_back(self, bus: BusUnderTest, source: Source) -> None:
        await bus.publish(b"before")
        first = await take(source, 1)
        async with bus.away():
            await until(source, lambda status: not status.connected)
            await settle_all(source, first, Settlement.STORED)
        await bus.subscribed(source)
        await bus.publish(b"after")
        await until(source, lambda status: status.lag != 0)
        assert set(await drained(source)) - {b"before"} == {b"after"}


class SourceContract(HeaderFacts, RedeliveryFacts, OutageFacts):
    """All of it: the contract of a source on a bus at its best."""
