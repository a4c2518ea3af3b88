"""Dead letters keep the contract of a bounded bus, and leave only when they are stored."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from consumer.messages import Settlement
from consumer.sources.base import EndOfSource, Source
from consumer.sources.dead_letters import DeadLetterSource
from storage import DeadLetter, Reason
from storage.adapters.memory import MemoryAdapter
from storage.times import EPOCH
from tests.contracts.source import (
    LOTS,
    BusUnderTest,
    HeaderFacts,
    RedeliveryFacts,
    comes_again,
    data,
    numbered,
    settle_all,
    take,
)


class LettersUnderTest(BusUnderTest):
    """A store whose letters came from a bus that is called like the source."""

    def __init__(self) -> None:
        self.store = MemoryAdapter()
        self._numbers = itertools.count()

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        await self.store.connect()
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        at = time.time_ns() // 1_000_000
        letters = [
            letter(next(self._numbers), message, headers=lowered, message_time=at, source=DeadLetterSource.name)
            for message in messages
        ]
        await self.store.dead_letters.put(letters)

    def source(self) -> Source:
        return DeadLetterSource(self.store)


class TestDeadLetterSource(HeaderFacts, RedeliveryFacts):
    """All facts but one: what died again stays, for the next time that its cause is mended."""

    @pytest.fixture
    def bus(self) -> BusUnderTest:
        return LettersUnderTest()

    @pytest.mark.parametrize("settlement", [Settlement.STORED])
    async def test_what_was_settled_for_good_does_not_come_again(
        self, bus: BusUnderTest, source: Source, settlement: Settlement
    ) -> None:
        """Only what was stored: a letter that was rejected again is a letter still."""
        await super().test_what_was_settled_for_good_does_not_come_again(bus, source, settlement)

    async def test_what_died_again_comes_again(self, bus: BusUnderTest, source: Source) -> None:
        await self.given(bus, source, *numbered(3))
        await take(source, 3, settle=Settlement.REJECTED)
        await source.close()
        assert await comes_again(bus, 3) == numbered(3)


def letter(number: int, message: bytes = b"{}", **also: Any) -> DeadLetter:
    at = EPOCH + timedelta(seconds=number)
    values = {"source": "kafka", "position": f"md/7/{number}", "reason": Reason.NOT_JSON} | also
    return DeadLetter(data=message, error="", first_seen=at, last_seen=at, **values)


@pytest.fixture
async def store() -> MemoryAdapter:
    adapter = MemoryAdapter()
    await adapter.connect()
    return adapter


async def letters(store: MemoryAdapter) -> list[DeadLetter]:
    await store.connect()
    return [each async for each in store.dead_letters.find()]


async def test_a_letter_comes_from_where_its_message_came(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(5, subject="md", message_time=17)])
    async with DeadLetterSource(store) as source:
        message = (await take(source, 1))[0].message
    assert (message.source, message.partition, message.offset, message.subject) == ("kafka", "md/7", 5, "md")
    assert message.time_ms == 17


async def test_only_the_letters_that_are_meant_are_sent(store: MemoryAdapter) -> None:
    kept = [letter(0), letter(1, reason=Reason.TOO_DEEP), letter(2, source="nats")]
    await store.dead_letters.put(kept)
    choices: tuple[tuple[dict[str, Any], list[int]], ...] = (
        ({"ids": [kept[0].id, kept[2].id]}, [0, 2]),
        ({"reason": Reason.TOO_DEEP}, [1]),
        ({"source": "nats"}, [2]),
    )
    for meant, positions in choices:
        async with DeadLetterSource(store, **meant) as source:
            assert [each.message.offset for each in await take(source, 9)] == positions


async def test_the_letters_of_one_message_are_sent_once_and_leave_together(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0, element=3), letter(1), letter(0, element=5)])
    async with DeadLetterSource(store) as source:
        taken = await take(source, 9, settle=Settlement.STORED)
        assert (source.removed, source.kept) == (3, 0)
    assert [each.message.offset for each in taken] == [0, 1]
    assert await letters(store) == []


async def test_an_element_that_dies_again_stays_while_its_neighbours_leave(store: MemoryAdapter) -> None:
    again = letter(0, element=5)
    await store.dead_letters.put([letter(0, element=3), again])
    async with DeadLetterSource(store) as source:
        taken = await take(source, 9)
        await store.dead_letters.put([again])
        await settle_all(source, taken, Settlement.STORED)
        assert (source.removed, source.kept) == (1, 1)
    (left,) = await letters(store)
    assert (left.element, left.attempts) == (5, 2)
    assert left.replayed_at is not None


async def test_a_message_that_dies_again_keeps_all_its_letters_and_the_time(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0), letter(0, element=1)])
    async with DeadLetterSource(store) as source:
        await take(source, 1, settle=Settlement.REJECTED)
    assert [each.replayed_at is not None for each in await letters(store)] == [True, True]


async def test_a_message_that_was_given_back_is_not_noted_as_replayed(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0)])
    async with DeadLetterSource(store) as source:
        await take(source, 1, settle=Settlement.LATER)
    assert [each.replayed_at for each in await letters(store)] == [None]


async def test_letters_that_come_later_are_not_sent(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0)])
    async with DeadLetterSource(store) as source:
        await store.dead_letters.put([letter(1)])
        assert len(await take(source, 9)) == 1
        with pytest.raises(EndOfSource):
            await source.receive(1, LOTS)


async def test_a_letter_that_somebody_removes_meanwhile_is_left_out(store: MemoryAdapter) -> None:
    gone = [letter(0), letter(1, element=2)]
    await store.dead_letters.put([*gone, letter(1, element=4), letter(2)])
    async with DeadLetterSource(store) as source:
        await store.dead_letters.delete([each.id for each in gone])
        taken = await take(source, 9, settle=Settlement.STORED)
    assert sorted(each.message.offset for each in taken) == [1, 2]
    assert await letters(store) == []


async def test_only_as_many_bytes_as_asked_for_are_read_from_the_store(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(number, b"x" * 1000) for number in range(4)])
    async with DeadLetterSource(store) as source:
        assert [len(await source.receive(9, 2500)) for _ in range(2)] == [2, 2]


async def test_a_rate_spreads_the_messages(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(number) for number in range(4)])
    async with DeadLetterSource(store, rate=50) as source:
        began = time.monotonic()
        assert len(await take(source, 9)) == 4
    assert time.monotonic() - began >= 3 / 50


async def test_what_could_not_be_removed_is_removed_with_the_next_flush(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0), letter(1)])
    async with DeadLetterSource(store) as source:
        first, second = await take(source, 2)
        await store.disconnect()
        await settle_all(source, [first], Settlement.STORED)
        assert (await source.status()).problem
        assert source.removed == 0
        await store.connect()
        await settle_all(source, [second], Settlement.STORED)
        assert not (await source.status()).problem
        assert source.removed == 2


async def test_a_store_that_goes_away_is_waited_for(store: MemoryAdapter) -> None:
    await store.dead_letters.put([letter(0)])
    async with DeadLetterSource(store) as source:
        await store.disconnect()
        assert await source.receive(9, LOTS) == []
        assert (await source.status()).problem
        await store.connect()
        assert data(await take(source, 1)) == [b"{}"]
