"""Lineage rows on their way to the database, straight or by way of the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from storage.errors import DatabaseError, IncompatibleSchema, RejectedError
from storage.metadata.rows import LineageRow
from storage.repositories.catalog import CatalogRepository, dataset_of
from storage.repositories.lineage import LineageRepository, lineage_values
from storage.spool.files import Leftover, LineageSpool, SpoolError
from storage.times import utc_now


class LineageWriter:
    """Registers datasets and writes their lineage rows, in order and once, whatever fails on the way.

    Rows of earlier runs that were left on disk go first. A database that is down is no error here:
    `last_error` says what it answered, `waiting_rows` how many rows wait, and the next `write` or
    `flush` tries again; nothing else does. `spool_error` says that the disk does not take the rows
    either: then they wait in memory. A file that cannot be delivered is set aside, and `spool_error`
    says so once. `storage_type` goes into the datasets' rows.
    """

    def __init__(
        self,
        catalog: CatalogRepository,
        lineage: LineageRepository,
        spool: LineageSpool,
        *,
        storage_type: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.last_error: DatabaseError | None = None
        self.spool_error: SpoolError | None = None
        self._catalog = catalog
        self._lineage = lineage
        self._spool = spool
        self._storage_type = storage_type
        self._clock = clock
        self._registered: set[str] = set()
        self._taken: list[LineageRow] = []
        self._delivered = 0
        self._turn = asyncio.Lock()

    @property
    def waiting_rows(self) -> int:
        """Rows of this run that are not known to be in the database."""
        return len(self._spool.waiting) + len(self._taken)

    async def write(self, rows: Iterable[LineageRow]) -> int:
        """`take` the rows, then `flush`."""
        self.take(rows)
        return await self.flush()

    def take(self, rows: Iterable[LineageRow]) -> None:
        """Keep the rows for the next `flush`; raises RejectedError, having kept none, for a row that never fits."""
        taken = list(rows)
        for row in taken:
            lineage_values(row)
        self._taken += taken

    async def flush(self) -> int:
        """Send what waits and say how many rows arrived; what does not arrive is saved, also when cancelled."""
        self._merge_taken()
        async with self._turn:
            before = self._delivered
            self.spool_error = None
            try:
                await self._deliver()
                self.last_error = None
            except DatabaseError as error:
                self.last_error = error
                # Nobody knows which database answers next: register everything there again.
                self._registered.clear()
            finally:
                await self._on_disk(self._spool.save)
            return self._delivered - before

    async def close(self) -> None:
        """Send or save what waits, and leave the rest to the next process."""
        try:
            await self.flush()
        finally:
            await self._on_disk(self._spool.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _merge_taken(self) -> None:
        taken, self._taken = self._taken, []
        self._spool.waiting = self._spool.waiting.add(taken)

    async def _deliver(self) -> None:
        try:
            while leftover := await asyncio.to_thread(self._spool.next_leftover):
                await self._deliver_leftover(leftover)
        except SpoolError as error:
            self.spool_error = error
        while len(self._spool.waiting):
            self._spool.waiting = self._spool.waiting.freeze()
            await self._send(self._spool.waiting.frozen)
            self._spool.waiting = self._spool.waiting.delivered()

    async def _deliver_leftover(self, leftover: Leftover) -> None:
        try:
            waiting = await asyncio.to_thread(leftover.read)
            try:
                # Nothing will be merged into these any more, so all of them go under the ids they have.
                await self._send((*waiting.frozen, *waiting.pending))
            except IncompatibleSchema:
                raise
            except RejectedError as error:
                raise leftover.set_aside(error) from error
            await asyncio.to_thread(leftover.remove)
        finally:
            leftover.release()

    async def _send(self, rows: Sequence[LineageRow]) -> None:
        named = {row.dataset_id for row in rows if row.transformation != "run"} - self._registered
        if named:
            now = self._clock()
            await self._catalog.upsert_datasets([dataset_of(id, self._storage_type, now) for id in sorted(named)])
        await self._lineage.insert(rows)
        self._registered |= named
        self._delivered += len(rows)

    async def _on_disk(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(work)
        except SpoolError as error:
            self.spool_error = error
