"""The manifest of the local store: which Parquet files count. A file that it does not list does not exist."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from storage.errors import OperatorError
from storage.tables import Table, table_of_collection

VERSION = 1

_COLUMNS = "collection, name, rows, size, first_time, last_time, first_position, last_position"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    name TEXT NOT NULL,
    rows INTEGER NOT NULL,
    size INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    UNIQUE (collection, name)
);
CREATE INDEX IF NOT EXISTS files_by_time ON files (collection, last_time);
CREATE INDEX IF NOT EXISTS files_by_position ON files (collection, last_position);
CREATE INDEX IF NOT EXISTS files_by_size ON files (collection, size);
PRAGMA user_version = {VERSION};
"""
_MIN, _MAX = -(2**63), 2**63 - 1


class File(NamedTuple):
    """One Parquet file: no `_id` twice, rows in the order of time.

    Times are epoch milliseconds, both included; so are positions (see `parquet.position_of`). `size`
    are the bytes of its columns in memory.
    """

    collection: str
    name: str
    rows: int
    size: int
    first_time: int
    last_time: int
    first_position: int
    last_position: int

    @property
    def table(self) -> Table:
        """The table of its rows."""
        return table_of_collection(self.collection)


@dataclass(slots=True, eq=False)
class _Change:
    added: Sequence[File]
    removed: Sequence[File]
    written: bool = False
    error: Exception | None = None


class Manifest:
    """An SQLite file (WAL, synced at each commit); safe to use from many threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes: deque[_Change] = deque()
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._connections: list[sqlite3.Connection] = []

    def open(self, *, read_only: bool = False) -> None:
        """Open the file, and make it unless `read_only`; raises OperatorError when a newer release made it."""
        if not read_only:
            self._writer = self._connect("rwc")
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.executescript(_SCHEMA)
        self._reader = self._connect("ro")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        while self._connections:
            self._connections.pop().close()

    def commit(self, added: Sequence[File], removed: Sequence[File] = ()) -> None:
        """Let files count, and others no more, durably and at once; raises sqlite3.Error when nothing changed.

        Changes that wait while another is being synced share the next sync.
        """
        change = _Change(added, removed)
        self._changes.append(change)
        with self._writing:
            if not change.written and change.error is None:
                self._write([self._changes.popleft() for _ in range(len(self._changes))])
        if change.error is not None:
            raise change.error

    def _write(self, changes: Sequence[_Change]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for change in changes:
                self._apply(self._writer, change)
            self._writer.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for change in changes:
                change.error = error
        else:
            for change in changes:
                change.written = True

    @staticmethod
    def _apply(connection: sqlite3.Connection, change: _Change) -> None:
        removed = [(file.collection, file.name) for file in change.removed]
        connection.executemany("DELETE FROM files WHERE collection = ? AND name = ?", removed)
        marks = ", ".join("?" * len(File._fields))
        connection.executemany(f"INSERT INTO files ({_COLUMNS}) VALUES ({marks})", change.added)  # noqa: S608 - constants

    def ping(self) -> None:
        """Read a row; raises sqlite3.Error."""
        self._query("SELECT number FROM files LIMIT 1")

    def collections(self) -> list[str]:
        """The collections that have a file, sorted."""
        return [name for (name,) in self._query("SELECT DISTINCT collection FROM files ORDER BY collection")]

    def names(self, collection: str) -> set[str]:
        """The names of the collection's files."""
        return {name for (name,) in self._query("SELECT name FROM files WHERE collection = ?", collection)}

    def lists(self, file: File) -> bool:
        """Whether the file counts."""
        return bool(self._query("SELECT 1 FROM files WHERE collection = ? AND name = ?", file.collection, file.name))

    def files(self, collection: str, first_time: int = _MIN, last_time: int = _MAX) -> list[File]:
        """The files with rows in this range of times, both included, by their first time."""
        return self._files("last_time >= ? AND first_time <= ? ORDER BY first_time", collection, first_time, last_time)

    def touching(self, collection: str, first_position: int, last_position: int) -> list[File]:
        """The files that may hold a key with a position in this range, both included."""
        return self._files("last_position >= ? AND first_position <= ?", collection, first_position, last_position)

    def small(self, collection: str, size: int) -> list[File]:
        """The files that are smaller."""
        return self._files("size < ?", collection, size)

    def _files(self, condition: str, *values: Any) -> list[File]:
        rows = self._query(f"SELECT {_COLUMNS} FROM files WHERE collection = ? AND {condition}", *values)  # noqa: S608 - constants
        return [File(*row) for row in rows]

    def _query(self, statement: str, *values: Any) -> list[Any]:
        with self._reading, closing(self._reader.execute(statement, values)) as cursor:
            return cursor.fetchall()

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise OperatorError(
                f"{self.path} was made by a newer release (version {version}, known is {VERSION})",
                fix="install that release, or set LOCAL_PATH to another folder",
            )
        return connection
