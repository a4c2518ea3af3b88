"""Keeps the metadata following: connects, migrates, writes the lineage of each interval and what a bus lost.

The database may be down at any time, also at the start: rows wait in the spool, ingestion does not.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from config import Settings
from consumer.lineage import LineageReport
from consumer.sources.base import Source
from consumer.telemetry import events
from storage import DatabaseError
from storage.adapters.base import BaseAdapter
from storage.metadata import MetadataDatabase
from storage.migrations import status, upgrade
from storage.registration import Registration
from storage.repositories.audit import AuditRepository
from storage.repositories.catalog import CatalogRepository
from storage.repositories.lineage import LineageRepository
from storage.spool import LineageSpool, LineageWriter


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
        self._database = MetadataDatabase(self._url)
        catalog = CatalogRepository(self._database)
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
    def waiting_rows(self) -> int:
        """Lineage rows that are not in the database yet."""
        return self._writer.waiting_rows

    @property
    def last_error(self) -> str:
        """Why they are not there; empty when nothing is wrong."""
        return str(self._writer.last_error or self._writer.spool_error or "")

    async def follow(self) -> None:
        """Write what is new, interval after interval; after `end` the rest and the closing row, and return."""
        while not self._ending.is_set():
            await self._prepare()
            await self._reconcile()
            await self._write(closing=False)
            await self._tell_losses()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._interval)
        await self._prepare()
        await self._reconcile()
        await self._write(closing=True)
        await self._tell_losses()
        await self._writer.close()
        await self._database.disconnect()

    def end(self) -> None:
        """Let `follow` come to its end; a write that has begun is not cut off."""
        self._ending.set()

    async def _prepare(self) -> None:
        """Connect and migrate where that has not been done; `problem` says why it is not."""
        if not self.problem:
            return
        try:
            await self._database.connect()
            found = await (upgrade if self._migrate else status)(self._url)
            self.problem = f"migrations are pending: {', '.join(found.pending)}" if found.pending else ""
        except DatabaseError as error:
            self.problem = str(error)

    async def _reconcile(self) -> None:
        """Once: register the collections that a process made and did not live to register."""
        if self._is_reconciled or self.problem:
            return
        with suppress(DatabaseError):  # one side is down: the next interval tries again
            await self._registration.reconcile()
            self._is_reconciled = True

    async def _write(self, *, closing: bool) -> None:
        rows = self._report.rows()
        if closing:
            rows.append(self._report.closing_row())
        written = await self._writer.write(rows)
        if self.last_error:
            events.lineage_spooled(self.waiting_rows, self.last_error)
        elif written:
            events.lineage_written(written)

    async def _tell_losses(self) -> None:
        """An audit row for each range that left the bus unread; what does not arrive is told again."""
        with suppress(DatabaseError):
            for lost in self._source.lost_ranges[self._losses_told :]:
                await self._audit.log_finding(
                    f"{self._source.name}:{lost.partition}",
                    "offsets_out_of_retention",
                    "critical",
                    {"first": lost.first, "until": lost.until, "messages": lost.until - lost.first},
                )
                self._losses_told += 1
