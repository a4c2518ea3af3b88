"""Alembic's commands on our own connection; who has nothing to migrate need not import it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from storage.errors import RejectedError


def up(connection: Connection, version_table: str, target: str) -> None:
    """Take the steps that lead up to a revision; raises RejectedError for one that is not known."""
    with _rejecting():
        command.upgrade(_config(connection, version_table), target)


def down(connection: Connection, version_table: str, target: str) -> None:
    """Take back the steps after a revision; raises RejectedError for one that is not known, or not there."""
    with _rejecting():
        command.downgrade(_config(connection, version_table), target)


@contextmanager
def _rejecting() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise RejectedError(f"cannot migrate: {error}") from error


def _config(connection: Connection, version_table: str) -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes |= {"connection": connection, "version_table": version_table}
    return config
