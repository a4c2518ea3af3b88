"""The composition root: settings become a running service, and it ends in order.

    store ◄─ writer ◄─ pipeline ◄─ source      metadata ◄─ lineage ◄─ tally

At the start nothing has to be there: the store, the bus and the metadata are waited for, and /readyz names
what is missing. At the end: stop pulling, write, settle, close the books.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Literal

from config import Settings
from consumer.decode import Decoder
from consumer.errors import AtRisk, explained
from consumer.idle import Idleness
from consumer.lineage import LineageReport
from consumer.metadata import Metadata
from consumer.pipeline.budget import Budget
from consumer.pipeline.ending import Ending
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.retry import GaveUp, Retrier
from consumer.pipeline.slots import Slots
from consumer.pipeline.writer import Writer
from consumer.sources.base import Guarantee, Source, SourceStatus
from consumer.stores import store_of
from consumer.tasks import end, occurs
from consumer.telemetry import events
from consumer.telemetry.heartbeat import Heartbeat, Watchdog, Work
from consumer.telemetry.statements import StatementTelemetry
from consumer.upkeep import Upkeep
from storage.circuit_breaker import BreakerState, CircuitBreaker
from storage.migrations import upgrade_collections
from storage.repositories import repositories_of
from storage.times import utc_now

Transformation = Literal["consume", "replay"]
PATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.25
"""How often the source is asked how it is."""
FULL_BATCHES = 2
"""So many full batches are written at a time: order books are no faster with more, and each is held twice over."""
HELD_PACKED = 6
"""What a message takes that is packed, in its own size: itself, its document, and what a driver makes of that while it
is written. `benchmarks --rows depth` with 16 MiB of messages in flight instead of 4 took 75 MB more."""


class Service:
    """One run: consumes `source` into the store of the settings until it ends, is stopped, or is idle."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        *,
        transformation: Transformation = "consume",
        strict: bool = False,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.started_at = utc_now()
        self.state = "starting"
        self.settings = settings
        self.source = source
        self.source_status = SourceStatus(connected=False, subscribed=False, problem="not connected yet")
        self.store = store_of(settings, remember=transformation == "consume")
        self.store.observer = StatementTelemetry(settings.telemetry.slow_query_seconds)
        self.store_problem = "not connected yet"
        self.upkeep = Upkeep(settings, self.store)
        self.breaker = CircuitBreaker(settings.retry.failure_threshold, settings.retry.recovery_seconds)
        self.heartbeat = Heartbeat()
        self.watchdog = Watchdog(clock=time.monotonic)
        self.retrier = Retrier(settings.retry, self.breaker)
        self.pipeline = self._pipeline()
        report = LineageReport(
            self.pipeline.tally, run_id=self.run_id, market=settings.market, transformation=transformation
        )
        self.metadata = Metadata(settings, source, self.store, report, self.run_id)
        self._strict = strict
        self._risks_told: set[str] = set()
        self._risks_known = asyncio.Event()
        self._stopping = asyncio.Event()

    def _pipeline(self) -> Pipeline:
        settings, store, limits, batching = self.settings, self.store, self.settings.message, self.settings.batching
        size = settings.batch.max_in_flight_bytes // (HELD_PACKED if store.packs else 1)
        ending = Ending(Budget(settings.batch.max_in_flight_messages, size))
        repositories = repositories_of(store)
        slots = Slots(batching.max_writes, FULL_BATCHES * batching.max_bytes)
        writer = Writer(repositories, store.dead_letters, store.conflicts, self.retrier, ending, slots)
        decoder = Decoder(max_bytes=limits.max_message_bytes, max_nesting=limits.max_nesting, packs=store.packs)
        return Pipeline(self.source, decoder, writer, self.retrier, batching)

    @property
    def write_problem(self) -> str:
        """Why the store takes nothing, or which write it does not take; "" when it takes all."""
        return self.store_problem or self.retrier.problem

    @property
    def work(self) -> Work:
        """What there is to do, and whether the bus and the store let us."""
        tally, status = self.pipeline.tally, self.source_status
        store_works = not self.write_problem and self.breaker.state is BreakerState.CLOSED
        return Work(
            progress=sum(sum(counts.fates) for counts in tally),
            lag=status.lag if status.due is None else status.due,
            able=status.connected and store_works,
        )

    def stop(self) -> None:
        """Drain and end; safe to call at any time and more than once."""
        self.state = "draining"
        self._stopping.set()
        self._risks_known.set()
        self.pipeline.stop()

    async def run(self, until_idle: float | None = None) -> int:
        """Consume until the end; returns how many records were left to the bus. Raises what `running.run` does."""
        events.service_started(self.source.name, self.settings.store.kind, self.source.guarantee)
        if self.source.guarantee is Guarantee.AT_MOST_ONCE:
            events.at_most_once(self.source.name)
        following = asyncio.create_task(self._follow_metadata(), name="metadata")
        try:
            return await self._consume(until_idle) if await self._connect_store() else 0
        finally:
            self.pipeline.begun.set()
            self.metadata.end()
            await following
            await self.store.disconnect()

    async def under_way(self) -> None:
        """What can wait lets messages come first: until a batch has come to its end, PATIENCE_SECONDS at most."""
        await occurs(self.pipeline.begun, PATIENCE_SECONDS)

    async def _follow_metadata(self) -> None:
        await self.under_way()
        await self.metadata.follow()

    async def _connect_store(self) -> bool:
        """Connect, however long it takes; False when the service was stopped first.

        Files are there or they are not: waiting for another process's lock would only hide it.
        """
        if self.settings.store.kind == "local":
            await self._try_to_connect()
            return True
        connecting = asyncio.create_task(self.retrier.call("connect", self._try_to_connect))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
        await end(connecting, stopping)
        if connecting.cancelled() or isinstance(connecting.exception(), GaveUp):
            return False
        await connecting
        return self.store_problem == ""

    async def _try_to_connect(self) -> None:
        try:
            await self.store.connect()
            if self.settings.store.kind == "mongodb" and self.settings.metadata.migrate_on_start:
                await upgrade_collections(self.store)
        except Exception as error:
            self.store_problem = explained(error)
            raise
        self.store_problem = ""

    async def _consume(self, until_idle: float | None) -> int:
        async with self.source:
            watching = asyncio.create_task(self._watch(until_idle), name="watch")
            keeping = asyncio.create_task(self.upkeep.follow(), name="upkeep")
            self.state = "draining" if self._stopping.is_set() else "running"
            try:
                await self._vouch()
                return await self.pipeline.run()
            finally:
                await end(watching, keeping)

    async def _vouch(self) -> None:
        """When we are strict: wait until it is known what bus and store may lose, and raise AtRisk."""
        if not self._strict:
            return
        await self._risks_known.wait()
        if risks := self._risks:
            raise AtRisk(risks)

    @property
    def _risks(self) -> tuple[str, ...]:
        return (*self.source.risks, *self.store.risks)

    async def _watch(self, until_idle: float | None) -> None:
        """Keep `source_status` fresh; stop once there was nothing to do for `until_idle` seconds."""
        idleness = Idleness(float("inf") if until_idle is None else until_idle)
        while True:
            self.source_status = await self.source.status()
            self.watchdog.look(self.work)
            self._tell_risks()
            if self.source_status.subscribed:
                self._risks_known.set()
            if idleness.observe(idle=self._is_idle(), now=time.monotonic()):
                self.stop()
            await asyncio.sleep(POLL_SECONDS)

    def _tell_risks(self) -> None:
        for risk in self._risks:
            if risk not in self._risks_told:
                self._risks_told.add(risk)
                events.at_risk(risk)

    def _is_idle(self) -> bool:
        status = self.source_status
        drained = status.connected and status.subscribed and status.lag == 0
        return drained and self.pipeline.in_flight == 0 and self.breaker.state is BreakerState.CLOSED
