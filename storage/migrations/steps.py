"""Alembic's commands on our own connection, under a lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from storage.errors import RejectedError
from storage.metadata.database import MetadataDatabase
from storage.sql.lock import migration_lock

VERSION_TABLE = "tapestore_version"
"""Not Alembic's own name: other programs may live in the same database."""

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

    def up(connection: Connection, config: Config) -> None:
        if not _is_newer(connection, config):
            command.upgrade(config, target)

    return await _under_lock(url, up)


async def downgrade(url: str, target: str) -> MigrationStatus:
    """Take the tables back to a revision, "-1" for one step, "base" for none, and say where they stand.

    What the steps drop is gone. Raises as `upgrade` does, and RejectedError where no step back is left.
    """

    def down(connection: Connection, config: Config) -> None:
        if target.startswith("-") and _current(connection) is None:
            raise RejectedError("there are no tables to take back a version")
        command.downgrade(config, target)

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


async def _under_lock(url: str, work: Callable[[Connection, Config], None]) -> MigrationStatus:
    def locked(connection: Connection) -> MigrationStatus:
        with migration_lock(connection, LOCK_SECONDS):
            config = _config(connection)
            try:
                work(connection, config)
            except CommandError as error:
                raise RejectedError(f"cannot migrate: {error}") from error
            return _status(_current(connection))

    async with MetadataDatabase(url, timeout_seconds=TIMEOUT_SECONDS) as database, database.write() as connection:
        return await connection.run_sync(locked)


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
    return config


def _status(current: str | None) -> MigrationStatus:
    scripts = ScriptDirectory.from_config(_config(None))
    known = [script.revision for script in scripts.walk_revisions()]
    behind = known if current is None else known[: known.index(current)] if current in known else []
    return MigrationStatus(current=current, head=known[0], pending=tuple(reversed(behind)))


def _is_newer(connection: Connection, config: Config) -> bool:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = _current(connection)
    return current is not None and current not in known


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
