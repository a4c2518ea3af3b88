"""One front over both sides: the metadata tables, by Alembic, and the collections of MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from storage.adapters.base import BaseAdapter
from storage.errors import RejectedError
from storage.migrations.steps import MigrationStatus, downgrade, status, upgrade

if TYPE_CHECKING:
    from storage.migrations.mongodb import MongoDBMigrations

METADATA, MONGODB = "metadata", "mongodb"
Statuses = Mapping[str, MigrationStatus]
"""By side; the side of MongoDB is there when an adapter was given."""


async def apply_migrations(
    metadata_url: str, mongodb: BaseAdapter | None = None, target_version: str = "head"
) -> Statuses:
    """Bring both sides up to date, or one of them to a version: "0001" of the tables, "mongodb/0001".

    `mongodb` is a connected MongoDBAdapter. Processes that start at once migrate once. Raises as `upgrade` and
    `MongoDBMigrations` do.
    """
    side, version = _side(target_version, mongodb)
    if side == METADATA or target_version == "head":
        await upgrade(metadata_url, version)
    if mongodb is not None and (side == MONGODB or target_version == "head"):
        await _of(mongodb).upgrade(version)
    return await migration_status(metadata_url, mongodb)


async def upgrade_collections(mongodb: BaseAdapter) -> MigrationStatus:
    """Bring the collections of a connected MongoDBAdapter up to date; raises as `MongoDBMigrations` does."""
    return await _of(mongodb).upgrade()


async def rollback_migrations(
    metadata_url: str, mongodb: BaseAdapter | None = None, *, target_version: str
) -> Statuses:
    """Take one side back to a version: "0001", "base" or "-1" of the tables, "mongodb/0001" and so on."""
    side, version = _side(target_version, mongodb)
    if side == METADATA:
        await downgrade(metadata_url, version)
    elif mongodb is not None:
        await _of(mongodb).downgrade(version)
    return await migration_status(metadata_url, mongodb)


async def migration_status(metadata_url: str, mongodb: BaseAdapter | None = None) -> Statuses:
    """Where both sides stand; changes nothing."""
    sides = {METADATA: await status(metadata_url)}
    return sides if mongodb is None else sides | {MONGODB: await _of(mongodb).status()}


def _side(target: str, mongodb: BaseAdapter | None) -> tuple[str, str]:
    """The side that a target names, and its version there."""
    if not target.startswith(f"{MONGODB}/"):
        return METADATA, target
    if mongodb is None:
        raise RejectedError(f"{target} is a version of MongoDB, which is not the store")
    return MONGODB, target.partition("/")[2]


def _of(adapter: BaseAdapter) -> MongoDBMigrations:
    from storage.adapters.mongodb import MongoDBAdapter  # the driver is for those who use it
    from storage.migrations.mongodb import MongoDBMigrations

    if not isinstance(adapter, MongoDBAdapter):
        raise RejectedError(f"{type(adapter).__name__} has no migrations")
    return MongoDBMigrations(adapter)
