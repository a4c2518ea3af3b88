"""The stores, one for each row, with a cheap way to see how much has arrived."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from pymongo import MongoClient, WriteConcern

from benchmarks.spans import NotMeasured
from tests.servers import mongodb

MAKERS = 32  # a collection waits for the disk several times
DURABLE = WriteConcern("majority", j=True)
"""How every row writes to MongoDB: a majority has journaled it."""


class Mongod(mongodb.MongoDB):
    """A server with the cache that it takes by itself, half of the memory.

    With the half gigabyte of the tests it writes pages out all the time, whoever sends the documents, and with
    thousands of collections does little else.
    """

    cache = ()


class Store(Protocol):
    """Where the documents of a row go; `settings` tell tapestore so."""

    settings: dict[str, str]

    def arrived(self) -> int:
        """How many documents are there; asking costs next to nothing."""
        ...

    def clear(self) -> None:
        """Remove them, so that the next row finds a quiet machine."""
        ...


class MongoDB:
    """A database of a server; metadata is SQLite in the folder of the process."""

    def __init__(self, uri: str, name: str) -> None:
        self.settings = {"STORE": "mongodb", "MONGODB_URI": uri, "MONGODB_DB": name, "LOCAL_PATH": "data"}
        self.uri = uri
        self.name = name
        self._client: MongoClient[Any] = MongoClient(uri)

    def make_collections(self, names: Iterable[str], time: str = "timestamp") -> None:
        """Empty collections with the index that the product makes, on the field that holds the time."""
        with ThreadPoolExecutor(MAKERS) as makers:
            for made in [makers.submit(self._client[self.name][name].create_index, time) for name in names]:
                made.result()

    def arrived(self) -> int:
        """The server's count of the whole database, in one short command."""
        return int(self._client[self.name].command("dbStats")["objects"])

    def inserted_since_now(self) -> Callable[[], int]:
        """What all its clients insert from now on, by the server's own count, which many collections make no slower."""
        before = self._inserted()
        return lambda: self._inserted() - before

    def _inserted(self) -> int:
        return int(self._client.admin.command("serverStatus")["metrics"]["document"]["inserted"])

    def writes_since_now(self, kind: str) -> Callable[[], int]:
        """The updates, and batches of inserts, that collections of a kind get from now on, done or in vain."""
        before = self._writes(kind)
        return lambda: self._writes(kind) - before

    def _writes(self, kind: str) -> int:
        totals = self._client.admin.command("top")["totals"]
        mine = [used for name, used in totals.items() if name.startswith(f"{self.name}.{kind}_")]
        return sum(used["update"]["count"] + used["insert"]["count"] for used in mine)

    def clear(self) -> None:
        """Remove them and wait for the disk, which would else be busy with them in somebody else's row."""
        self._client.drop_database(self.name)
        self._client.admin.command("fsync")
        self._client.close()


class OwnMongoDB(MongoDB):
    """A database with a server of its own, which goes with it: dropping thousands of collections takes minutes."""

    def __init__(self, name: str) -> None:
        if not Mongod.installed():
            raise NotMeasured("mongodb is not installed: python -m tests.servers.install mongodb")
        self._server = Mongod().__enter__()
        super().__init__(self._server.url, name)

    def clear(self) -> None:
        self._client.close()
        self._server.close()


class Parquet:
    """A folder of the local store, with its metadata."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"STORE": "local", "LOCAL_PATH": str(folder)}
        self._folder = folder
        self._manifest = folder / "manifest.sqlite"

    def arrived(self) -> int:
        """The rows of the files that count, from the manifest."""
        try:
            with closing(sqlite3.connect(f"{self._manifest.as_uri()}?mode=ro", uri=True)) as manifest:
                (rows,) = manifest.execute("SELECT coalesce(sum(rows), 0) FROM files").fetchone()
        except sqlite3.OperationalError:  # not there yet, or no table in it yet
            return 0
        return int(rows)

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
