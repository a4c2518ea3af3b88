"""NATS with JetStream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers.cache import SERVERS, apt_install, find
from tests.servers.server import Server, greets


class Nats(Server):
    """nats-server; streams are kept on disk, so that they survive `kill`."""

    name = "nats"
    variable = "TEST_NATS_URL"

    @classmethod
    def installed(cls) -> bool:
        return find("nats-server", SERVERS / "nats") is not None

    @classmethod
    def install(cls) -> None:
        apt_install("nats-server")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        self.run("mkdir", self.folder / "data")

    def command(self) -> Sequence[str | Path]:
        program = find("nats-server", SERVERS / "nats")
        assert program is not None
        return [
            *(program, "--addr", "127.0.0.1", "--port", str(self.port)),
            *("--jetstream", "--store_dir", self.folder / "data"),
        ]

    def answers(self) -> bool:
        return greets(self.port)
