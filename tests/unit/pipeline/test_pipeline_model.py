"""The pipeline as a state machine: whatever order things happen in, nothing settles early, twice or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from config.flow import Batching, RetrySettings
from consumer.decode import Decoder
from consumer.messages import Settlement
from consumer.pipeline.budget import Budget
from consumer.pipeline.ending import Ending
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.retry import Retrier
from consumer.pipeline.slots import Slots
from consumer.pipeline.tally import Fate
from consumer.pipeline.writer import Writer
from consumer.simulator import Faults, Market
from consumer.sources.memory import END, MemoryBus, MemorySource
from consumer.sources.watermark import Watermark
from storage import Result, Table, TransientError
from storage.circuit_breaker import CircuitBreaker
from storage.outcomes import retry
from storage.packed import NO_PACKS, Item, Packs
from storage.repositories import repositories_of
from storage.times import EPOCH, FOREVER
from tests.packing import PackingAdapter

BATCHING = Batching(3, 1 << 20, max_writes=8, drain_seconds=0.01, ages=(0.001, 0.001))


class Moody(PackingAdapter):
    """A store that answers when it is told to, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[asyncio.Future[str]] = []

    async def put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        match await answer:
            case "fails":
                raise TransientError("not now")
            case "half":
                done = await super().put(table, collection, records[::2])
                return [done[n // 2] if n % 2 == 0 else retry("not known") for n in range(len(records))]
        return await super().put(table, collection, records)

    @property
    def open(self) -> list[asyncio.Future[str]]:
        """What has no answer yet."""
        return [each for each in self.asked if not each.done()]

    def recover(self) -> None:
        """Answer everything well."""
        for each in self.open:
            each.set_result("stores")


def trade(number: int) -> bytes:
    return (
        f'{{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":{number},"p":"1.5","q":"2","T":1672515782136,"m":true}}'
    ).encode()


async def soon(_: float) -> None:
    await asyncio.sleep(0)


def number_of(data: bytes) -> int:
    return int(data.partition(b'"t":')[2].partition(b",")[0])


class Driven(RuleBasedStateMachine):
    """A pipeline over a moody store: the loop turns when a rule says so."""

    turns: ClassVar[int]
    loop: asyncio.AbstractEventLoop
    store: Moody

    def run(self, work: Any) -> None:
        self.loop.run_until_complete(work)

    async def go_round(self) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)

    @rule(answer=st.sampled_from(["stores", "stores", "fails", "half"]), which=st.integers(0, 5))
    def answers(self, answer: str, which: int) -> None:
        if waiting := self.store.open:
            waiting[which % len(waiting)].set_result(answer)
        self.run(self.go_round())

    @rule()
    def grows_old(self) -> None:
        self.run(asyncio.sleep(0.002))


class PipelineMachine(Driven):
    """Arrivals, answers and failures in any order, against a bus that checks settlements.

    The bus in memory raises for whatever is settled twice; the watermark is Kafka's, fed with what was settled.
    """

    turns = 30
    packs: ClassVar[Packs] = NO_PACKS

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.bus, self.store = MemoryBus(), Moody()
        self.sent = 0
        self.run(self._begin())

    async def _begin(self) -> None:
        retrier = Retrier(RetrySettings(), CircuitBreaker(failure_threshold=1000, recovery_timeout=0.001), sleep=soon)
        source = MemorySource(self.bus)
        await self.store.connect()
        await source.open()
        ending = Ending(Budget(12, 1 << 20))
        store = self.store
        writer = Writer(repositories_of(store), store.dead_letters, store.conflicts, retrier, ending, Slots(2, 1 << 20))
        decoder = Decoder(max_bytes=100_000, max_nesting=32, packs=self.packs)
        self.pipeline = Pipeline(source, decoder, writer, retrier, BATCHING)
        self.going = asyncio.create_task(self.pipeline.run())

    @rule(number=st.integers(0, 30))
    def arrives(self, number: int) -> None:
        self.bus.put(trade(number))
        self.sent += 1
        self.run(self.go_round())

    @invariant()
    def nothing_settles_before_it_is_stored(self) -> None:
        if not hasattr(self, "bus"):
            return
        stored = {document["trade_id"] for document in self._documents()}
        for message, settlement in self.bus.settled:
            if settlement is Settlement.STORED:
                assert number_of(message.data) in stored

    @invariant()
    def nothing_settles_twice_and_the_watermark_has_no_gap(self) -> None:
        if not hasattr(self, "bus"):
            return
        settled = [message.offset for message, _ in self.bus.settled]
        mark = Watermark()
        mark.extend(range(1, self.sent + 1))
        for offset in settled:
            mark.settle(offset)
        assert len(settled) == len(set(settled))
        assert set(range(1, mark.first or self.sent + 1)) <= set(settled)

    @invariant()
    def the_numbers_add_up(self) -> None:
        if not hasattr(self, "bus"):
            return
        tally = self.pipeline.tally
        ended = sum(tally.total(fate) for fate in Fate if fate is not Fate.RECEIVED)
        assert tally.total(Fate.RECEIVED) == ended + self.pipeline.in_flight
        assert self.pipeline.in_flight <= 12

    def _documents(self) -> list[Any]:
        found: list[Any] = []

        async def read() -> None:
            if "trades_BTCUSDT" in await self.store.list_collections():
                found.extend(await self.store.query_latest("trades_BTCUSDT", limit=1000))

        self.run(read())
        return found

    def teardown(self) -> None:
        if not hasattr(self, "bus"):
            return
        self.run(self._end())
        self.loop.close()
        settled = [message.offset for message, _ in self.bus.settled]  # given back, if the drain's time was over
        assert sorted(settled) == list(range(1, self.pipeline.received + 1))

    async def _end(self) -> None:
        self.pipeline.stop()
        while not self.going.done():
            self.store.recover()
            await asyncio.sleep(0)
        await self.store.disconnect()


class ColumnsMachine(PipelineMachine):
    """The same, where usual messages are taken in as columns."""

    packs = PackingAdapter.packs


TestPipelineMachine = PipelineMachine.TestCase
TestColumnsMachine = ColumnsMachine.TestCase
for case in (TestPipelineMachine, TestColumnsMachine):
    case.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


MARKET = [message.data for message in islice(Market(3, 2, Faults.parse(["all", "conflicts=0", "broken=0"])), 150)]


async def documents_after(messages: Sequence[bytes], packs: Packs = NO_PACKS) -> dict[str, dict[str, Any]]:
    """What stands in a store after these messages, by collection and key."""
    store, decoder = PackingAdapter(), Decoder(max_bytes=100_000, max_nesting=32, packs=packs)
    retrier = Retrier(RetrySettings(), CircuitBreaker())
    ending = Ending(Budget(1000, 1 << 20))
    async with store, MemorySource(MemoryBus([*messages, END])) as source:
        writer = Writer(repositories_of(store), store.dead_letters, store.conflicts, retrier, ending, Slots(2, 1 << 20))
        await Pipeline(source, decoder, writer, retrier, BATCHING._replace(max_messages=7)).run()
        return {
            name: {document["_id"]: dict(document) async for document in store.query_range(name, EPOCH, FOREVER)}
            for name in await store.list_collections()
        }


@given(st.lists(st.sampled_from(MARKET), max_size=100), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_any_order_with_repetitions_gives_the_same_documents(again: list[bytes], chance: Random) -> None:
    messages = [*MARKET, *again]
    chance.shuffle(messages)

    expected = asyncio.run(documents_after(MARKET))
    assert asyncio.run(documents_after(messages)) == expected
    assert asyncio.run(documents_after(messages, PackingAdapter.packs)) == expected
