"""One process migrates at a time; the lock of one that was killed expires by the server's clock."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import ReturnDocument

from storage.adapters.mongodb.connection import Database
from storage.errors import TransientError

COLLECTION = "tapestore_migrations"
LEASE_SECONDS = 60
"""Renewed for each collection. Steps may be taken twice, so a lease that runs out meanwhile does no harm."""

_LOCK = {"_id": "lock"}


class MigrationsLocked(TransientError):
    """Another process migrates now; it ends, or its lease does."""


class Lease:
    """The right to migrate, for so long."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._collection = database[COLLECTION]
        self._holder = uuid.uuid4().hex
        self._seconds = seconds

    async def take(self) -> None:
        """Take the lock, or raise MigrationsLocked."""
        is_free = {"$not": {"$gt": ["$expires_at", "$$NOW"]}}  # an absent time is no later one
        change = {"$replaceWith": {"$cond": [is_free, {**_LOCK, **self._held()}, "$$ROOT"]}}
        lock = await self._collection.find_one_and_update(
            _LOCK, [change], upsert=True, return_document=ReturnDocument.AFTER
        )
        if lock is None or lock["holder"] != self._holder:
            raise MigrationsLocked("another process migrates the collections")

    async def renew(self) -> None:
        """Hold it for as long again; raises MigrationsLocked when another process has it by now."""
        renewed = await self._collection.update_one({**_LOCK, "holder": self._holder}, [{"$set": self._held()}])
        if renewed.matched_count == 0:
            raise MigrationsLocked("the lease ran out, and another process migrates the collections")

    async def give_back(self) -> None:
        """Let others migrate."""
        await self._collection.delete_one({**_LOCK, "holder": self._holder})

    def _held(self) -> dict[str, Any]:
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(self._seconds * 1000)}}
        return {"holder": self._holder, "expires_at": until}


@asynccontextmanager
async def migration_lease(database: Database, seconds: float = LEASE_SECONDS) -> AsyncIterator[Lease]:
    """Hold the lock of this database; raises MigrationsLocked while another process does."""
    lease = Lease(database, seconds)
    await lease.take()
    try:
        yield lease
    finally:
        await lease.give_back()
