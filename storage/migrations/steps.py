"""The metadata tables, version by version, under a lock; Alembic takes the steps where there are any to take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import Connection, column, inspect, select, table

from storage.errors import RejectedError
from storage.metadata.database import MetadataDatabase
from storage.sql.lock import migration_lock

VERSION_TABLE = "tapestore_version"
"""Not Alembic's own name: other programs may live in the same database."""

VERSIONS = tuple(sorted(file.name[1:5] for file in (Path(__file__).parent / "versions").glob("m*.py")))
"""Every revision, oldest first: `m0001_metadata_tables.py` is revision 0001."""

LOCK_SECONDS = 60
TIMEOUT_SECONDS = 600.0


class MigrationStatus(msgspec.Struct, frozen=True):
    """Where the tables stand: the `current` revision (None: no tables), the newest one, and what lies between.

    A current revision that this version does not know comes from a newer one: nothing is pending.
    """

    current: str | None
    head: str
    pending: tuple[str, ...]


async def upgrade(url: str, target: str = "head") -> MigrationStatus:
    """Bring the tables to a revision and say where they stand.

    Two processes that start at once migrate once. Tables of a newer version are left as they are.
    Raises RejectedError for an unknown target, OperatorError when the user may not, TransientError
    when the server does not answer or another process holds the lock for a minute.
    """
    found = await status(url)
    if target == "head" and not found.pending:
        return found

    def up(connection: Connection) -> None:
        from storage.migrations import fresh  # most starts have nothing to migrate

        if target == "head" and fresh.is_empty(connection, VERSION_TABLE):
            fresh.create(connection, VERSION_TABLE, VERSIONS[-1])
        elif not _is_newer(_current(connection)):
            from storage.migrations import scripts  # nor has a fresh database

            scripts.up(connection, VERSION_TABLE, target)

    return await _under_lock(url, up)


async def downgrade(url: str, target: str) -> MigrationStatus:
    """Take the tables back to a revision, "-1" for one step, "base" for none, and say where they stand.

    What the steps drop is gone. Raises as `upgrade` does, and RejectedError where no step back is left.
    """

    def down(connection: Connection) -> None:
        from storage.migrations import scripts

        if target.startswith("-") and _current(connection) is None:
            raise RejectedError("there are no tables to take back a version")
        scripts.down(connection, VERSION_TABLE, target)

    return await _under_lock(url, down)


async def status(url: str) -> MigrationStatus:
    """Where the tables stand; changes nothing."""
    database = MetadataDatabase(url)
    if not _is_there(database):
        return _status(None)
    async with database, database.read() as connection:
        return _status(await connection.run_sync(_current))


def _is_there(database: MetadataDatabase) -> bool:
    """SQLite makes the file that it opens, and who only looks makes none."""
    file = database.url.database
    return database.dialect != "sqlite" or not file or Path(file).exists()


async def _under_lock(url: str, work: Callable[[Connection], None]) -> MigrationStatus:
    def locked(connection: Connection) -> MigrationStatus:
        with migration_lock(connection, LOCK_SECONDS):
            work(connection)
            return _status(_current(connection))

    async with MetadataDatabase(url, timeout_seconds=TIMEOUT_SECONDS) as database, database.write() as connection:
        return await connection.run_sync(locked)


def _status(current: str | None) -> MigrationStatus:
    done = len(VERSIONS) if _is_newer(current) else 0 if current is None else VERSIONS.index(current) + 1
    return MigrationStatus(current=current, head=VERSIONS[-1], pending=VERSIONS[done:])


def _is_newer(current: str | None) -> bool:
    return current is not None and current not in VERSIONS


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    return revision
