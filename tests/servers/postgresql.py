"""PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.cache import apt_install, find
from tests.servers.server import Server


class PostgreSQL(Server):
    """postgres with a superuser `tapestore` and the database `postgres`."""

    name = "postgresql"
    variable = "TEST_POSTGRESQL_URL"
    refuses_root = True
    stop_signal = signal.SIGINT  # SIGTERM waits for the clients

    @classmethod
    def installed(cls) -> bool:
        return _tool("postgres") is not None

    @classmethod
    def install(cls) -> None:
        apt_install("postgresql")

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://tapestore:tapestore-canary@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        password = self.folder / "password"
        password.write_text("tapestore-canary\n")
        self.run(
            *(_program("initdb"), "--pgdata", self.folder / "data", "--no-sync", "--locale=C.UTF-8", "--encoding=UTF8"),
            *("--username=tapestore", "--auth=scram-sha-256", f"--pwfile={password}"),
        )

    def command(self) -> Sequence[str | Path]:
        return [
            *(_program("postgres"), "-D", self.folder / "data", "-p", str(self.port), "-h", "127.0.0.1"),
            # A killed server loses nothing that the kernel has: waiting for the disk only costs time.
            *("-k", "", "-c", "shared_buffers=64MB", "-c", "max_connections=200", "-c", "fsync=off"),
        ]

    def answers(self) -> bool:
        asked = ("-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1")
        return subprocess.run([_program("pg_isready"), *asked], check=False).returncode == 0


def _tool(name: str) -> Path | None:
    return find(name, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))


def _program(name: str) -> Path:
    program = _tool(name)
    assert program is not None
    return program
