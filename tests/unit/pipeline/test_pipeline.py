"""From a bus in memory to a store in memory: what is settled, when, and how it is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import pytest

from config.flow import Batching, RetrySettings
from consumer.decode import Decoded, Decoder
from consumer.errors import SourceRefused
from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline import pipeline
from consumer.pipeline.budget import Budget
from consumer.pipeline.ending import Ending
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.retry import Retrier
from consumer.pipeline.slots import Slots
from consumer.pipeline.tally import FATES
from consumer.pipeline.writer import Writer
from consumer.sources.memory import END, MemoryBus, MemorySource, Sign
from storage import DatabaseError, OperatorError, Reason, TransientError
from storage.adapters.memory import MemoryAdapter
from storage.circuit_breaker import BreakerState, CircuitBreaker
from storage.packed import NO_PACKS, Packs
from storage.repositories import repositories_of
from tests import samples
from tests.packing import PackingAdapter

BATCHING = Batching(10, 1 << 20, max_writes=8, drain_seconds=0.05, ages=(0.01, 0.01))


def trade(trade_id: int, symbol: str = "BTCUSDT", price: str = "1.5") -> bytes:
    return (
        f'{{"e":"trade","E":1672515782136,"s":"{symbol}","t":{trade_id},"p":"{price}","q":"2",'
        f'"T":1672515782136,"m":true}}'
    ).encode()


class Packing:
    """What the decoder of `flow` packs: nothing, then each message is taken apart; else usual ones become columns."""

    packs: ClassVar[Packs]


@pytest.fixture(params=[NO_PACKS, PackingAdapter.packs], ids=["apart", "columns"], autouse=True)
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Packing, "packs", request.param, raising=False)


@dataclass
class Flow:
    """A pipeline between a memory bus and a memory store, with breaker and clock at hand."""

    bus: MemoryBus
    store: MemoryAdapter
    pipeline: Pipeline
    breaker: CircuitBreaker

    @property
    def counts(self) -> dict[str, int]:
        totals = dict.fromkeys(FATES, 0)
        for row in self.pipeline.tally.by_kind().values():
            totals = {name: totals[name] + row[name] for name in FATES}
        return {name: count for name, count in totals.items() if count}

    @property
    def settlements(self) -> list[Settlement]:
        return [settlement for _, settlement in self.bus.settled]

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not fact():  # noqa: ASYNC110 - any fact, not one event
                await asyncio.sleep(0)


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def flow(
    *items: bytes | Message | Sign,
    source: type[MemorySource] = MemorySource,
    decoder: type[Decoder] = Decoder,
    max_in_flight: int = 1000,
) -> AsyncIterator[Flow]:
    bus, store = MemoryBus(items), PackingAdapter()
    breaker = CircuitBreaker(failure_threshold=3, recovery_timeout=0.01)
    retrier = Retrier(RetrySettings(), breaker, sleep=no_sleep)
    ending = Ending(Budget(max_in_flight, 1 << 20))
    writer = Writer(repositories_of(store), store.dead_letters, store.conflicts, retrier, ending, Slots(2, 1 << 20))
    reading = source(bus)
    decoding = decoder(max_bytes=100_000, max_nesting=32, packs=Packing.packs)
    async with store, reading:
        pipeline = Pipeline(reading, decoding, writer, retrier, BATCHING)
        yield Flow(bus, store, pipeline, breaker)


async def test_every_kind_reaches_its_collection_and_is_settled() -> None:
    timed = [Message(data, "memory", "memory", 0, time_ms=1_700_000_000_000) for data in samples.MARKET_DATA]
    async with flow(*timed, END) as each:
        assert await each.pipeline.run() == 0
        assert await each.store.list_collections() == [
            "agg_trades_BTCUSDT",
            "book_tickers_BNBUSDT",
            "candles_BTCUSDT_1m",
            "candles_BTCUSDT_PERPETUAL_1m",
            "depth_BTCUSDT",
            "funding_rates_BTCUSDT",
            "liquidations_BTCUSDT",
            "mark_prices_BTCUSDT",
            "mini_tickers_BTCUSDT",
            "tickers_BTCUSDT",
            "trades_BTCUSDT",
        ]
        assert set(each.settlements) == {Settlement.STORED}
        assert len(each.settlements) == len(samples.MARKET_DATA)
        assert each.pipeline.in_flight == 0


async def test_a_broken_message_becomes_a_dead_letter_and_its_neighbours_are_stored() -> None:
    async with flow(trade(1), b"\xffbroken", trade(2), END) as each:
        await each.pipeline.run()
        (letter,) = [letter async for letter in each.store.dead_letters.find()]
        assert (letter.data, letter.reason, letter.position) == (b"\xffbroken", Reason.NOT_UTF8, "memory/2")
        assert each.counts == {"received": 3, "stored": 2, "dead_lettered": 1}
        assert sorted(s.value for s in each.settlements) == ["rejected", "stored", "stored"]


class Forgetful(Decoder):
    """Has a bug that one message meets."""

    def decode(self, message: Message) -> Decoded:
        if b"meets the bug" in message.data:
            raise KeyError("forgotten")
        return super().decode(message)


async def test_a_message_that_meets_a_bug_of_the_decoder_is_kept_and_holds_nobody_up() -> None:
    async with flow(trade(1), b"meets the bug", trade(2), END, decoder=Forgetful) as each:
        assert await each.pipeline.run() == 0
        (letter,) = [letter async for letter in each.store.dead_letters.find()]
        assert (letter.data, letter.reason) == (b"meets the bug", Reason.NOT_STORABLE)
        assert "KeyError" in letter.error
        assert each.counts == {"received": 3, "stored": 2, "dead_lettered": 1}


async def test_what_the_bus_gave_up_is_a_dead_letter_with_that_reason() -> None:
    async with flow(Message(trade(1), "memory", "memory", 0, deliveries=3, given_up=True), END) as each:
        await each.pipeline.run()
        (letter,) = [letter async for letter in each.store.dead_letters.find()]
        assert (letter.data, letter.reason) == (trade(1), Reason.MAX_DELIVERIES)
        assert "after 3 deliveries" in letter.error
        assert each.counts == {"received": 1, "dead_lettered": 1}


async def test_a_bad_element_of_a_list_is_one_dead_letter_and_the_message_is_stored() -> None:
    good = samples.MINI_TICKER.split(b'"data":', 1)[1][:-1]
    async with flow(b'{"stream":"!miniTicker@arr","data":[' + good + b",{}]}", END) as each:
        await each.pipeline.run()
        (letter,) = [letter async for letter in each.store.dead_letters.find()]
        assert letter.element == 1
        assert each.settlements == [Settlement.STORED]
        assert each.counts == {"received": 2, "stored": 1, "dead_lettered": 1}


async def test_a_control_frame_is_ignored_and_counted() -> None:
    async with flow(samples.CONTROL, END) as each:
        await each.pipeline.run()
        assert each.counts == {"received": 1, "ignored": 1}
        assert each.settlements == [Settlement.STORED]


async def test_the_same_message_again_is_a_duplicate_in_the_batch_and_later() -> None:
    async with flow(trade(1), trade(1), END) as each:
        await each.pipeline.run()
        assert each.counts == {"received": 2, "stored": 1, "duplicate": 1}


async def test_other_content_under_the_same_key_is_a_recorded_conflict() -> None:
    async with flow(trade(1, price="1"), trade(1, price="2"), trade(1, price="1.0"), END) as each:
        await each.pipeline.run()
        (conflict,) = [conflict async for conflict in each.store.conflicts.find()]
        assert (str(conflict.stored["price"]), str(conflict.incoming["price"])) == ("1", "2")
        assert (conflict.collection, conflict.position) == ("trades_BTCUSDT", "memory/2")
        assert each.counts == {"received": 3, "stored": 1, "duplicate": 1, "conflict": 1}


async def test_a_symbol_beyond_the_limit_is_a_dead_letter() -> None:
    async with flow(trade(1, "A"), trade(1, "B"), END) as each:
        each.store._max_collections = 1
        await each.pipeline.run()
        assert each.counts == {"received": 2, "stored": 1, "dead_lettered": 1}
        assert await each.store.dead_letters.count() == {Reason.SYMBOL_LIMIT: 1}


async def test_a_transient_error_is_retried_until_it_ends() -> None:
    failures: list[DatabaseError] = [TransientError("election"), OperatorError("disk full", fix="make room")]
    async with flow(trade(1), END) as each:
        each.store.failures = failures
        await each.pipeline.run()
        assert each.counts == {"received": 1, "stored": 1}
        assert await each.store.dead_letters.count() == {}


async def test_an_unknown_error_is_retried_too() -> None:
    async with flow(trade(1), END) as each:
        each.store.failures = [RuntimeError("a bug")]  # type: ignore[list-item]  # what no adapter should raise
        await each.pipeline.run()
        assert each.counts == {"received": 1, "stored": 1}


async def test_nothing_is_settled_before_the_write_returns() -> None:
    async with flow(trade(1), END) as each:
        each.store.gate.clear()
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.pipeline.in_flight == 1)
        await asyncio.sleep(0.03)
        assert each.settlements == []
        each.store.gate.set()
        await running
        assert each.settlements == [Settlement.STORED]


async def test_a_batch_waits_no_longer_than_its_age() -> None:
    async with flow(trade(1)) as each:
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.settlements == [Settlement.STORED])
        each.pipeline.stop()
        assert await running == 0


async def test_a_full_budget_stops_the_pull_and_the_bus_is_the_buffer() -> None:
    trades = [trade(number, symbol=f"S{number}") for number in range(50)]
    async with flow(*trades, END, max_in_flight=10) as each:
        each.store.gate.clear()
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.pipeline.in_flight == 10)
        await asyncio.sleep(0.03)
        assert each.pipeline.in_flight == 10
        each.store.gate.set()
        await running
        assert each.counts == {"received": 50, "stored": 50}


async def test_an_open_breaker_stops_the_pull() -> None:
    async with flow(trade(1)) as each:
        each.store.failures = [TransientError("down")] * 1_000_000
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.breaker.state is not BreakerState.CLOSED)
        each.bus.put(*(trade(number) for number in range(2, 30)))
        await asyncio.sleep(0.03)
        assert each.pipeline.in_flight <= 11
        each.store.failures = []
        await each.until(lambda: len(each.settlements) == 29)
        each.pipeline.stop()
        assert await running == 0


async def test_stopping_during_an_outage_gives_everything_back() -> None:
    async with flow(trade(1), trade(2)) as each:
        each.store.failures = [TransientError("down")] * 1_000_000
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.breaker.state is not BreakerState.CLOSED)
        each.pipeline.stop()
        assert await running == 2
        assert each.settlements == [Settlement.LATER, Settlement.LATER]
        assert each.counts == {"received": 2, "returned": 2}


async def test_a_write_that_hangs_is_given_back_when_the_drain_budget_ends() -> None:
    async with flow(trade(1)) as each:
        each.store.gate.clear()
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.pipeline.in_flight == 1)
        each.pipeline.stop()
        assert await running == 1
        assert each.settlements == [Settlement.LATER]


async def test_batches_of_a_versioned_kind_never_overtake_each_other() -> None:
    updates = [samples.KLINE.replace(b"1638747660012", b"%d" % (1638747660012 + n)) for n in range(40)]
    async with flow(*updates, END) as each:
        await each.pipeline.run()
        (candle,) = await each.store.query_latest("candles_BTCUSDT_1m")
        assert candle["event_time"].timestamp() == 1638747660.051
        assert each.counts["stored"] + each.counts["stale"] == 40


async def test_before_a_revoke_all_in_flight_is_settled() -> None:
    async with flow(trade(1), trade(2)) as each:
        running = asyncio.create_task(each.pipeline.run())
        await each.until(lambda: each.pipeline.in_flight == 2)
        await each.pipeline.settle_all()
        assert each.settlements == [Settlement.STORED, Settlement.STORED]
        each.pipeline.stop()
        await running


class AskedSource(MemorySource):
    """Notes at each call whether messages are said to be scattered."""

    said: ClassVar[list[bool]] = []

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        self.said.append(self.scattered)
        return await super().receive(max_messages, max_bytes)


@pytest.mark.parametrize(("places", "scattered"), [(20, True), (4, False)])
async def test_the_source_hears_that_messages_go_to_very_many_places(
    places: int, scattered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "SCATTERED", 4)
    AskedSource.said.clear()
    trades = [trade(number, symbol=f"SYM{number % places}USDT") for number in range(80)]
    async with flow(*trades, END, source=AskedSource, max_in_flight=20) as each:
        await each.pipeline.run()
    assert (AskedSource.said[0], any(AskedSource.said)) == (False, scattered)


class SortingSource(AskedSource):
    """Holds most of what may be on its way once messages are said to be scattered; notes how many are asked for."""

    asked: ClassVar[list[int]] = []

    @property
    def leaves(self) -> float:
        return 0.25 if self.scattered else 1.0

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        self.asked.append(max_messages)
        return await super().receive(max_messages, max_bytes)


async def test_a_source_that_holds_most_is_asked_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "SCATTERED", 4)
    monkeypatch.setattr(pipeline, "GATHERED", 1)
    SortingSource.asked.clear()
    trades = [trade(number, symbol=f"SYM{number}USDT") for number in range(80)]
    async with flow(*trades, END, source=SortingSource, max_in_flight=20) as each:
        await each.pipeline.run()
        assert each.counts == {"received": 80, "stored": 80}
    assert (SortingSource.asked[0], max(SortingSource.asked[1:])) == (10, 5)


@pytest.mark.parametrize(
    ("batches", "before", "scattered"), [(257, False, True), (256, False, False), (17, True, True), (16, True, False)]
)
def test_what_is_scattered_stays_so_until_there_are_far_fewer_places(
    batches: int, before: bool, scattered: bool
) -> None:
    assert pipeline.is_scattered(batches, before=before) is scattered


class RefusingSource(MemorySource):
    """Refuses once, then goes on."""

    refusals = 1

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if self.refusals:
            self.refusals -= 1
            raise SourceRefused("the password is wrong", fix="set another")
        return await super().receive(max_messages, max_bytes)


async def test_a_bus_that_refuses_is_asked_again() -> None:
    async with flow(trade(1), END, source=RefusingSource) as each:
        await each.pipeline.run()
        assert each.counts == {"received": 1, "stored": 1}


async def test_a_bounded_source_that_refuses_ends_the_run() -> None:
    class BrokenFile(RefusingSource):
        bounded = True

    async with flow(trade(1), END, source=BrokenFile) as each:
        with pytest.raises(SourceRefused):
            await each.pipeline.run()
