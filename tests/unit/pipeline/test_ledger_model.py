"""Batcher and settle ledger together, as a state machine: one Kafka partition, read, revoked, read again, restarted.

Below it is the ledger that the Kafka source has (assignment, partition, watermark), above it the pipeline; between
them deliveries of old lives go on, and settle late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from aiokafka import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from config.flow import Batching, RetrySettings
from consumer.decode import Decoder
from consumer.messages import Delivery, Settlement
from consumer.pipeline.batcher import Batch
from consumer.pipeline.budget import Budget
from consumer.pipeline.ending import Ending
from consumer.pipeline.entries import Lane, Part
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.retry import Retrier
from consumer.pipeline.slots import Slots
from consumer.pipeline.tally import Fate
from consumer.pipeline.writer import Writer
from consumer.runs import Runs
from consumer.sources.base import Source, SourceStatus
from consumer.sources.kafka_assignment import Assignment
from consumer.sources.kafka_backlog import Backlog, Bounds
from consumer.sources.kafka_partition import Partition, PartitionChannel
from consumer.sources.kafka_rows import Row
from storage import TransientError
from storage.adapters.memory_letters import MemoryDeadLetters
from storage.circuit_breaker import CircuitBreaker
from storage.packed import NO_PACKS, Packs
from storage.repositories import repositories_of
from tests.packing import PackingAdapter
from tests.unit.pipeline.test_pipeline_model import Driven, Moody, number_of, soon, trade

KEY = TopicPartition("market-data", 0)
BATCHING = Batching(3, 1 << 20, max_writes=8, drain_seconds=0.01, ages=(0.001, 0.001))
MAX_IN_FLIGHT = 12


class Refusing(Moody):
    """A store whose letters too are written when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.dead_letters = MemoryDeadLetters(self.ping, self._hear)

    async def _hear(self) -> None:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        if await answer != "stores":
            raise TransientError("not now")


class Log:
    """What the broker has: the records of a partition, and what the group has committed of it."""

    def __init__(self) -> None:
        self.records: list[Row] = []
        self.commits = [0]

    def append(self, value: bytes) -> None:
        self.records.append((len(self.records), value, (), 1, len(value) % 3))


class LedgerSource(Source):
    """Reads the log as a member of the group does, with the ledger of the Kafka source."""

    name: ClassVar[str] = "kafka"

    def __init__(self, log: Log) -> None:
        self._log = log
        self._assignment = Assignment({})

    async def open(self) -> None:
        """There is nobody to connect to."""

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        partition = self._assignment.get(KEY) or self._assignment.begin(KEY, self._log.commits[-1])
        records = self._log.records[partition.position :][:max_messages]
        await asyncio.sleep(0)
        if not records or self._assignment.get(KEY) is not partition:
            return []
        partition.fetched(records)
        return PartitionChannel(partition, self).run(records)

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.settled_in(delivery.token, [delivery.message.offset], delivery.settlement or Settlement.LATER)

    def settled_in(self, partition: Partition, offsets: Sequence[int], settlement: Settlement) -> None:
        if settlement is not Settlement.LATER:
            partition.watermark.settle(*offsets)

    async def flush(self) -> None:
        moved = self._assignment.moved()
        self._log.commits += moved.values()
        self._assignment.committed(moved)

    def read_again(self) -> None:
        """From the first offset that is not settled, as after something was given back."""
        if partition := self._assignment.get(KEY):
            self._assignment.begin(KEY, partition.low)

    async def revoke(self, turns: int) -> None:
        """The group decides anew, after so much time for what is in flight."""
        settling = asyncio.create_task(self._settle())
        for _ in range(turns):
            await asyncio.sleep(0)
        settling.cancel()
        with suppress(asyncio.CancelledError):
            await settling
        await self.flush()
        self._assignment.forget()

    async def _settle(self) -> None:
        await self.before_revoke()

    async def status(self) -> SourceStatus:
        return SourceStatus(connected=True, subscribed=True, lag=len(self._log.records) - self._log.commits[-1])

    async def close(self) -> None:
        await self.flush()


class SortingSource(LedgerSource):
    """The same, and what it has fetched waits sorted by the keys, which are three."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._backlog = Backlog(Bounds(1, 1), Bounds(MAX_IN_FLIGHT, 1 << 20))
        self._backlog.sorts = True

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        partition = self._assignment.get(KEY) or self._assignment.begin(KEY, self._log.commits[-1])
        records = [] if self._backlog.full else self._log.records[partition.position :][:5]
        await asyncio.sleep(0)
        if records and self._assignment.get(KEY) is partition:
            partition.fetched(records)
            self._backlog.put(partition, records)
        taken = self._backlog.take(max_messages, max_bytes)
        return Runs([PartitionChannel(run.partition, self).run(run.rows) for run in taken])

    def read_again(self) -> None:
        self._backlog.drop()
        super().read_again()

    async def revoke(self, turns: int) -> None:
        self._backlog.drop()
        await super().revoke(turns)


class Candid(Pipeline):
    """Keeps the errors that a flush ends with; a second settlement would be one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.bugs: list[Exception] = []

    async def _write(self, batch: Batch[Lane, Part]) -> None:
        try:
            await super()._write(batch)
        except Exception as bug:
            self.bugs.append(bug)
            raise


class LedgerMachine(Driven):
    """Arrivals, answers, revokes, redeliveries and restarts in any order: nothing is committed before it is durable."""

    turns = 20
    packs: ClassVar[Packs] = NO_PACKS
    reads: ClassVar[type[LedgerSource]] = LedgerSource
    store: Refusing

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.log, self.store = Log(), Refusing()
        self.run(self.store.connect())
        self.run(self._start())

    async def _start(self) -> None:
        store, self.source = self.store, self.reads(self.log)
        retrier = Retrier(RetrySettings(), CircuitBreaker(failure_threshold=3, recovery_timeout=0.001), sleep=soon)
        ending = Ending(Budget(MAX_IN_FLIGHT, 1 << 20))
        writer = Writer(repositories_of(store), store.dead_letters, store.conflicts, retrier, ending, Slots(2, 1 << 20))
        decoder = Decoder(max_bytes=100_000, max_nesting=32, packs=self.packs)
        self.pipeline = Candid(self.source, decoder, writer, retrier, BATCHING)
        self.going = asyncio.create_task(self.pipeline.run())

    @rule(number=st.integers(0, 30), broken=st.booleans())
    def arrives(self, number: int, broken: bool) -> None:
        self.log.append(b"{%d" % number if broken else trade(number))
        self.run(self.go_round())

    @rule()
    def comes_again(self) -> None:
        self.source.read_again()
        self.run(self.go_round())

    @rule(turns=st.integers(0, 10))
    def is_revoked_and_given_back(self, turns: int) -> None:
        self.run(self.source.revoke(turns))
        self.run(self.go_round())

    @rule()
    def is_restarted(self) -> None:
        self.run(self._restart())

    async def _restart(self) -> None:
        await self._stop()
        await self._start()
        await self.go_round()

    async def _stop(self) -> None:
        self.pipeline.stop()
        await self.going
        await self.source.close()
        assert self.pipeline.in_flight == 0

    @invariant()
    def nothing_is_committed_before_it_is_durable(self) -> None:
        self.run(self._check_commits())

    async def _check_commits(self) -> None:
        documents = "trades_BTCUSDT" in await self.store.list_collections()
        trades = await self.store.query_latest("trades_BTCUSDT", limit=1000) if documents else []
        stored = {document["trade_id"] for document in trades}
        buried = {letter.position async for letter in self.store.dead_letters.find()}
        for offset, value, *_ in self.log.records[: self.log.commits[-1]]:
            position = f"market-data/0/{offset}"
            assert number_of(value) in stored if value.endswith(b"}") else position in buried

    @invariant()
    def commits_only_go_on(self) -> None:
        assert self.log.commits == sorted(self.log.commits)

    @invariant()
    def the_numbers_add_up_and_nothing_settles_twice(self) -> None:
        tally = self.pipeline.tally
        ended = sum(tally.total(fate) for fate in Fate if fate is not Fate.RECEIVED)
        assert tally.total(Fate.RECEIVED) == ended + self.pipeline.in_flight
        assert self.pipeline.in_flight <= MAX_IN_FLIGHT
        assert not self.pipeline.bugs

    def teardown(self) -> None:
        """Once the store is well, all that was ever sent is durable and committed."""
        self.run(self._end())
        self.loop.close()

    async def _end(self) -> None:
        async with asyncio.timeout(10):
            while self.log.commits[-1] < len(self.log.records):
                self.store.recover()
                await asyncio.sleep(0)
        await self._check_commits()
        await self._stop()
        await self.store.disconnect()


class ColumnsMachine(LedgerMachine):
    """The same, where usual messages are taken in as columns."""

    packs = PackingAdapter.packs


class SortingMachine(ColumnsMachine):
    """The same, where they come sorted by their keys."""

    reads = SortingSource


TestLedgerMachine = LedgerMachine.TestCase
TestColumnsMachine = ColumnsMachine.TestCase
TestSortingMachine = SortingMachine.TestCase
for case in (TestLedgerMachine, TestColumnsMachine, TestSortingMachine):
    case.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
