"""The flow, read as a sentence:

    source ─► decode ─► route ─► batch ─► write ─► settle

The source is pulled only while there is room and the store is healthy; several batches are written at the
same time; a batch of a versioned kind waits for the one before it in its collection. `run` ends when the
source ends, with everything written and settled, or after `stop`, with what the budget of time allows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from itertools import chain
from typing import Any

from config.flow import Batching
from consumer.decode import Decoder
from consumer.errors import SourceRefused
from consumer.pipeline.batcher import Batch, Batcher, Trigger
from consumer.pipeline.cutter import Ages, Cutter
from consumer.pipeline.entries import Lane, Part
from consumer.pipeline.intake import Intake
from consumer.pipeline.retry import Retrier
from consumer.pipeline.tally import Fate, Tally
from consumer.pipeline.writer import Writer
from consumer.runs import Run, runs_of
from consumer.sources.base import EndOfSource, Source
from consumer.telemetry import events, traces

HANDFUL = 2000
"""Messages that are taken in at a time: without a compiler so many order books keep others waiting for 0.1 s."""
FILLED = 0.25  # no more than what a source leaves, or nobody would look again
SCATTERED, GATHERED = 256, 16
"""With more batches on their way when so much of the budget is taken, a full budget leaves each a tenth of what it may
hold, or less. What a source does about it makes fewer of them: it should go on until they are far fewer."""


class Pipeline:
    """Moves every message of one source to its durable end, and counts what became of it.

    `begun` is set once a first batch has come to its end.
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        writer: Writer,
        retrier: Retrier,
        batching: Batching,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = Tally()
        self.budget = writer.ending.budget
        self.received = 0
        self.redelivered = 0
        self.begun = asyncio.Event()
        self._source = source
        self._writer = writer
        self._retrier = retrier
        self._batching = batching
        self._clock = clock
        self._batcher: Batcher[Lane, Part] = Batcher(batching.max_messages, batching.max_bytes)
        self._intake = Intake(decoder, self.tally, self._batcher, writer.ending)
        self._flushes: dict[asyncio.Task[None], Batch[Lane, Part]] = {}
        ages, writers = Ages(*batching.ages), batching.max_writes
        self._cutter = Cutter(self._batcher, self.budget, ages, writers, self._free_writes, self._dispatch, clock)
        self._pulling: asyncio.Task[None] | None = None
        self._stopped = False
        source.before_revoke = self.settle_all

    @property
    def in_flight(self) -> int:
        """Messages received and not settled."""
        return self.budget.messages

    @property
    def waiting(self) -> list[Batch[Lane, Part]]:
        """The batches whose first part is not written yet: open ones and those on their way."""
        return [*self._batcher.batches, *self._flushes.values()]

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest part has waited."""
        return max((self._clock() - batch.opened_at for batch in self.waiting), default=0.0)

    async def run(self) -> int:
        """Pull until the source ends or `stop` is called, then drain; returns how many records were left.

        Raises what the source raised for good, after the drain.
        """
        self._pulling = asyncio.create_task(self._pull())
        async with asyncio.TaskGroup() as tasks:
            cutting = tasks.create_task(self._cutter.follow())
            await asyncio.wait([self._pulling])
            left = await self.drain()
            cutting.cancel()
        if not self._pulling.cancelled():
            self._pulling.result()
        return left

    def stop(self) -> None:
        """Stop pulling; `run` goes on to drain."""
        self._stopped = True
        self._retrier.stop()
        if self._pulling is not None:
            self._pulling.cancel()

    async def _pull(self) -> None:
        try:
            while not self._stopped:  # a library may have swallowed the cancellation
                await self._wait_for_room()
                await self._take(await self._receive())
        except EndOfSource:
            await self.settle_all()  # a bounded source has time: it waits for a store that is down

    async def _wait_for_room(self) -> None:
        """The bus is the buffer: nothing is pulled while the store is down or too much is on its way."""
        if self.budget.holds(FILLED):
            batches = len(self._batcher.batches) + len(self._flushes)
            self._source.scattered = is_scattered(batches, before=self._source.scattered)
        self.budget.allot(self._source.leaves)
        if self.budget.is_full:
            self._cutter.look()
            await self._paused("full", self.budget.wait_for_room())
        if not self._retrier.healthy.is_set():
            await self._paused("breaker", self._retrier.healthy.wait())

    async def _paused(self, reason: str, until: Coroutine[Any, Any, object]) -> None:
        events.pull_paused(reason)
        since = self._clock()
        await until
        events.pull_resumed(self._clock() - since)

    async def _receive(self) -> Sequence[Run]:
        try:
            return await self._traced_receive()
        except SourceRefused as refusal:
            if self._source.bounded:
                raise
            events.source_refused(self._source.name, str(refusal), refusal.fix)
            return []

    async def _traced_receive(self) -> Sequence[Run]:
        messages, size = self.budget.room
        with traces.receive(self._source.destination) as receiving:
            deliveries = await self._source.receive(min(messages, self._batching.max_messages, HANDFUL), size)
            runs = runs_of(deliveries)
            receiving.got(len(deliveries), chain.from_iterable(run.traceparents for run in runs))
        return runs

    async def _take(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self.received += len(run)
            self.redelivered += run.redelivered
            self.budget.take(len(run), run.size)
            self._dispatch(self._intake.take(run, self._clock()))
        self._cutter.look()
        await asyncio.sleep(0)  # a source that never waits must not starve the writes

    def _free_writes(self) -> int:
        return self._batching.max_writes - len(self._flushes)

    def _dispatch(self, batches: Sequence[Batch[Lane, Part]]) -> None:
        for batch in batches:
            flush = asyncio.create_task(self._flush(batch))
            self._flushes[flush] = batch
            flush.add_done_callback(self._flushed)

    def _flushed(self, flush: asyncio.Task[None]) -> None:
        del self._flushes[flush]
        self._cutter.a_write_ended()

    async def _flush(self, batch: Batch[Lane, Part]) -> None:
        try:
            await self._write(batch)
        # The top of a task: a bug here has returned the batch to the bus, and must be seen.
        except Exception as error:
            events.unknown_error(f"flushing {batch.lane.kind}", error)

    async def _write(self, batch: Batch[Lane, Part]) -> None:
        started, lane, records = self._clock(), batch.lane, batch.records
        traceparents = chain.from_iterable(part.traceparents for part in batch.parts)
        with traces.process(self._source.destination, records, traceparents):
            await self._writer.flush(batch)
            self.begun.set()
            events.batch_flushed(lane.kind, batch.trigger, records, self._clock() - started, _latency(batch))
            with traces.settle(self._source.destination, records):
                await self._source.flush()

    async def settle_all(self) -> None:
        """Write and settle everything that is in flight now."""
        self._dispatch(self._batcher.cut_all(Trigger.DRAIN))
        if self._flushes:
            await asyncio.wait(list(self._flushes))
        await self._source.flush()

    async def drain(self) -> int:
        """Write and settle what the budget of time allows, give back the rest; returns how many were left."""
        started = self._clock()
        events.drain_started(self._batching.drain_seconds)
        self._dispatch(self._batcher.cut_all(Trigger.DRAIN))
        if self._flushes:
            await asyncio.wait(list(self._flushes), timeout=self._batching.drain_seconds)
        for flush in self._flushes:
            flush.cancel()
        await asyncio.gather(*self._flushes, return_exceptions=True)
        await self._source.flush()
        left = self.tally.total(Fate.RETURNED)
        events.drain_finished(left, self._clock() - started)
        return left


def is_scattered(batches: int, *, before: bool) -> bool:
    """Whether what is on its way lies in so many open batches that few records are in each; `before` it was so."""
    return batches > (GATHERED if before else SCATTERED)


def _latency(batch: Batch[Lane, Part]) -> float | None:
    """Seconds from the bus's time of the first message to now; None where the bus keeps no time."""
    sent = batch.parts[0].time_ms
    return None if sent is None else max(0.0, time.time() - sent / 1000)
