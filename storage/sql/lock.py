"""One process migrates at a time; the others wait, and then find nothing left to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from storage.errors import TransientError

NAME = "tapestore.migrations"


@contextmanager
def migration_lock(connection: Connection, wait_seconds: int) -> Iterator[None]:
    """Hold the lock of this database; raises TransientError when another process keeps it longer.

    PostgreSQL gives it up with the transaction; on SQLite the write transaction is the lock.
    """
    match connection.dialect.name:
        case "mysql":
            with _mysql_lock(connection, wait_seconds):
                yield
        case "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = {wait_seconds * 1000}"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _number(NAME)})
            yield
        case _:
            yield


@contextmanager
def _mysql_lock(connection: Connection, wait_seconds: int) -> Iterator[None]:
    # Its locks belong to the server, not to a database, and their names end at 64 characters.
    database = connection.execute(text("SELECT DATABASE()")).scalar_one()
    name = {"name": f"{NAME}.{hashlib.sha256(str(database).encode()).hexdigest()[:16]}"}
    taken = connection.execute(text("SELECT GET_LOCK(:name, :wait)"), name | {"wait": wait_seconds}).scalar_one()
    if taken != 1:
        raise TransientError(f"another process migrates the database for more than {wait_seconds} s")
    try:
        yield
        # Else the next one is let in before it can see what was done: the lock would end before the transaction.
        connection.execute(text("COMMIT"))
    finally:
        if not connection.invalidated:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
