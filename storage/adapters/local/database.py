"""A small SQLite file of the local store: synced at each commit, used from many threads and processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Database:
    """The SQLite file (WAL); another process may read and change it meanwhile."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def open(self, *, make: bool = True) -> None:
        """Open the file; raises sqlite3.Error when it is not there and not to be made."""
        address = f"{self.path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        if make:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(self._schema)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Ask."""
        with self._lock:
            return self._opened().execute(statement, values).fetchall()

    def change(self, statement: str, many: Iterable[Mapping[str, Any]]) -> int:
        """Change rows, all or none, durably; returns how many."""
        with self.changing() as connection:
            return connection.executemany(statement, many).rowcount

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """The connection to read and change with: all or nothing, durably, and nobody else changes meanwhile."""
        with self._lock:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError(f"{self.path} is not open")
        return self._connection
