"""Keeps house in the store while the service runs: what is too old leaves, and its size is watched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from config import Settings
from consumer.telemetry import events
from storage import DatabaseError
from storage.adapters.base import BaseAdapter
from storage.observer import PoolUse
from storage.retention import expire
from storage.times import utc_now

LOOK_SECONDS = 60.0
EXPIRE_SECONDS = 3600.0


class Upkeep:
    """Looks at the store's size each minute and deletes what is too old each hour, the first time at once.

    A store that is down or refuses is no matter here: the writes tell of it, and the next round tries again.
    """

    def __init__(self, settings: Settings, store: BaseAdapter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.data_bytes: int | None = None
        self.pool = PoolUse()
        self.quota = int(settings.store.quota)
        self._warn_bytes = self.quota * settings.store.quota_warn_share
        self._retention = settings.retention.by_kind
        self._store = store
        self._clock = clock
        self._expire_at = clock()
        self._is_near = False
        self._index_changes_told = 0

    async def follow(self) -> None:
        """Round after round, until cancelled."""
        while True:
            try:
                await self.round(utc_now())
            except DatabaseError:
                pass  # the writes tell of it
            except Exception as error:  # the top of a task: no slip in housekeeping may end the service
                events.unknown_error("upkeep", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def round(self, now: datetime) -> None:
        """Look once, and delete when it is time to."""
        measured = await self._store.metrics()
        self.pool = measured.pool
        self._look(measured.data_bytes)
        if self._clock() >= self._expire_at:
            self._expire_at = self._clock() + EXPIRE_SECONDS
            for kind, count in (await expire(self._store, self._retention, now)).items():
                events.documents_expired(kind, count)
        self._tell_index_changes()

    def _look(self, data_bytes: int | None) -> None:
        """Warn once for each time that the share is crossed."""
        self.data_bytes = data_bytes
        was_near, self._is_near = self._is_near, bool(self.quota) and (data_bytes or 0) >= self._warn_bytes
        if self._is_near and not was_near:
            events.quota_near(data_bytes or 0, self.quota)

    def _tell_index_changes(self) -> None:
        changes = self._store.index_changes[self._index_changes_told :]
        self._index_changes_told += len(changes)
        for change in changes:
            events.index_changed(change.collection, change.index, str(dict(change.was)), str(dict(change.now)))
