"""A replica set of three on this machine, of which any member may be cut off or killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.servers import MongoDB, Server

ELECTION_MS = 5000
"""So long a primary that is alone goes on to take writes; then it steps down."""
SECONDS = 40


class Member(MongoDB):
    """One of three: it answers as soon as it listens."""

    def answers(self) -> bool:
        try:
            with self._direct_client() as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False

    @property
    def is_primary(self) -> bool:
        """Whether it says so itself."""
        try:
            with self._direct_client() as client:
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False


class ReplicaSet:
    """Three members; elections take some seconds."""

    def __init__(self, start_server: Callable[[type[Server]], Server]) -> None:
        self.members = [member for _ in range(3) if isinstance(member := start_server(Member), Member)]
        hosts = [f"127.0.0.1:{member.port}" for member in self.members]
        self.url = f"mongodb://{','.join(hosts)}/?replicaSet=rs0"
        config = {
            "_id": "rs0",
            "members": [{"_id": n, "host": host} for n, host in enumerate(hosts)],
            "settings": {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 200},
        }
        with MongoClient[dict[str, Any]](hosts[0], directConnection=True) as client:
            client.admin.command("replSetInitiate", config)
        self.primary()

    def primary(self, besides: Member | None = None) -> Member:
        """Wait for a primary, other than this one; returns it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for member in self.members:
                if member is not besides and member.is_primary:
                    return member
            time.sleep(0.1)
        raise AssertionError("no member became primary")

    @contextmanager
    def without_the_others(self, member: Member) -> Iterator[None]:
        """This member alone goes on: what is written to it now no majority has seen."""
        others = [other for other in self.members if other is not member]
        for other in others:
            os.kill(other.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other.pid, signal.SIGCONT)
