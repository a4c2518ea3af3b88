"""Keeps the metadata following: connects, migrates, writes the lineage of each interval and what a bus lost.

The database may be down at any time, also at the start: rows wait in the spool, ingestion does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import islice

from config import Settings
from consumer.errors import explained
from consumer.lineage import LineageReport, origin
from consumer.sources.base import Source
from consumer.telemetry import events
from consumer.telemetry.statements import StatementTelemetry
from storage import DatabaseError, OperatorError
from storage.adapters.base import BaseAdapter
from storage.metadata import MetadataDatabase
from storage.metadata.rows import LineageRow
from storage.migrations import status, upgrade
from storage.observer import PoolUse
from storage.registration import Registration
from storage.repositories.audit import AuditRepository
from storage.repositories.catalog import CatalogRepository
from storage.repositories.lineage import LineageRepository
from storage.spool import LineageSpool, LineageWriter

FAREWELL_SECONDS = 4.0
LONGEST_DATASET_ID = 128
ROWS_AT_ONCE = 500
Step = Callable[[], Awaitable[None]]


class Metadata:
    """One run's side of the metadata: `follow` is a task, `end` lets it finish."""

    def __init__(
        self, settings: Settings, source: Source, store: BaseAdapter, report: LineageReport, run_id: str
    ) -> None:
        self._url = settings.metadata_url.get_secret_value()
        self._migrate = settings.metadata.migrate_on_start
        self._interval = settings.telemetry.lineage_seconds
        self._source = source
        self._report = report
        observer = StatementTelemetry(settings.telemetry.slow_query_seconds, pool="metadata")
        self._database = MetadataDatabase(self._url, observer=lambda: observer)
        catalog = CatalogRepository(self._database, compatibility=settings.metadata.schema_compatibility)
        self._registration = Registration(store, catalog, market=settings.market, storage_type=settings.store.kind)
        self._is_reconciled = False
        self._writer = LineageWriter(
            catalog,
            LineageRepository(self._database),
            LineageSpool(settings.local.path / "spool", run_id),
            storage_type=settings.store.kind,
        )
        self._audit = AuditRepository(self._database)
        self._losses_told = 0
        self._ending = asyncio.Event()
        self.problem = "not connected yet"

    @property
    def pool(self) -> PoolUse:
        """The connections to the database now."""
        return self._database.pool

    @property
    def waiting_rows(self) -> int:
        """Lineage rows that are not in the database yet."""
        return self._writer.waiting_rows

    @property
    def last_error(self) -> str:
        """Why they are not there, and why they are not on disk; empty when nothing is wrong."""
        return "; ".join(str(error) for error in (self._writer.last_error, self._writer.spool_error) if error)

    async def follow(self) -> None:
        """Write what is new, interval after interval; after `end` the rest and the closing row, and return.

        A database that hangs holds that up for FAREWELL_SECONDS at most; then the rows wait on disk.
        """
        turning = asyncio.create_task(self._turn(), name="metadata turns")
        await self._ending.wait()
        deadline = asyncio.get_running_loop().time() + FAREWELL_SECONDS
        await _within(deadline, turning)
        for step in (*self._steps, self._write_end, self._writer.close, self._database.disconnect):
            await _within(deadline, step())

    def end(self) -> None:
        """Let `follow` come to its end; a write that has begun is not cut off as long as there is time."""
        self._ending.set()

    async def _turn(self) -> None:
        while not self._ending.is_set():
            for step in (*self._steps, self._write):
                await _within(None, step())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._interval)

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self._prepare, self._reconcile, self._tell_losses

    async def _prepare(self) -> None:
        """Connect and migrate where that has not been done; `problem` says why it is not."""
        if not self.problem:
            return
        try:
            await self._database.connect()
            found = await (upgrade if self._migrate else status)(self._url)
            self.problem = f"migrations are pending: {', '.join(found.pending)}" if found.pending else ""
        except OperatorError as error:
            self.problem = explained(error)
            events.operator_needed(error)
            return
        except DatabaseError as error:
            self.problem = str(error)
        if self.problem:
            events.metadata_not_ready(self.problem)

    async def _reconcile(self) -> None:
        """Once: register the collections that a process made and did not live to register."""
        if self._is_reconciled or self.problem:
            return
        with suppress(DatabaseError):  # one side is down: the next interval tries again
            await self._registration.reconcile()
            self._is_reconciled = True

    async def _write(self) -> None:
        await self._send(self._report.rows())

    async def _write_end(self) -> None:
        await self._send(self._report.last_rows())

    async def _send(self, rows: Iterator[LineageRow]) -> None:
        await self._take(rows)
        written = await self._writer.flush()
        if self.last_error:
            events.lineage_spooled(self.waiting_rows, self.last_error)
        elif written:
            events.lineage_written(written)

    async def _take(self, rows: Iterator[LineageRow]) -> None:
        """Slice by slice, so that messages have their turn in between; the rest at once when time is up."""
        try:
            while some := list(islice(rows, ROWS_AT_ONCE)):
                self._writer.take(some)
                await asyncio.sleep(0)
        finally:
            self._writer.take(rows)

    async def _tell_losses(self) -> None:
        """An audit row for each range that left the bus unread; what does not arrive is told again."""
        with suppress(DatabaseError):
            for lost in self._source.lost_ranges[self._losses_told :]:
                await self._audit.log_finding(
                    origin(self._source.name, lost.partition, LONGEST_DATASET_ID),
                    "offsets_out_of_retention",
                    "critical",
                    {"first": lost.first, "until": lost.until, "messages": lost.until - lost.first},
                )
                self._losses_told += 1


async def _within(deadline: float | None, step: Awaitable[None]) -> None:
    """Wait for a step, until the deadline at most; whatever goes wrong in it, ingestion goes on."""
    try:
        async with asyncio.timeout_at(deadline):
            await step
    except TimeoutError:
        events.metadata_not_ready("the database did not answer before the end")
    # The top of a task: the next step may go well, and the next turn.
    except Exception as error:
        events.unknown_error("following the metadata", error)
