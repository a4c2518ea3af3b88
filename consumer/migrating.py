"""Brings the metadata tables and the collections of MongoDB up to date, for whoever has the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stamina

from config import Settings
from storage import TransientError, UnavailableError
from storage.adapters.base import BaseAdapter
from storage.connections import mongodb_of
from storage.migrations import MigrationStatus, apply_migrations, migration_status, rollback_migrations

PATIENCE_SECONDS = 120.0
"""For another process that migrates: as long as the lease of a killed one, and as long again."""

Statuses = dict[str, MigrationStatus]


async def up(settings: Settings, target: str = "head") -> Statuses:
    """Apply what is pending; raises as `apply_migrations` does."""
    async with _mongodb(settings) as mongodb:
        async for attempt in stamina.retry_context(on=_is_locked, timeout=PATIENCE_SECONDS, attempts=None):
            with attempt:
                return dict(await apply_migrations(_url(settings), mongodb, target))
    raise AssertionError("the last attempt returns or raises")


async def down(settings: Settings, target: str) -> Statuses:
    """Go back; raises as `rollback_migrations` does."""
    async with _mongodb(settings) as mongodb:
        return dict(await rollback_migrations(_url(settings), mongodb, target_version=target))


async def where(settings: Settings) -> Statuses:
    """Where both sides stand."""
    async with _mongodb(settings) as mongodb:
        return dict(await migration_status(_url(settings), mongodb))


@asynccontextmanager
async def _mongodb(settings: Settings) -> AsyncIterator[BaseAdapter | None]:
    if settings.store.kind != "mongodb":
        yield None
        return
    async with mongodb_of(settings) as adapter:
        yield adapter


def _is_locked(error: Exception) -> bool:
    """A server that does not answer is another matter: nobody waits for it here."""
    return isinstance(error, TransientError) and not isinstance(error, UnavailableError)


def _url(settings: Settings) -> str:
    return settings.metadata_url.get_secret_value()
