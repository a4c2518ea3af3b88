"""Bus and store that may lose what they have acknowledged: a warning, and with --strict no start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.end_to_end.command import documents, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import Feed
from tests.servers import MongoDB, Server

CONFIG = 78


def send(told: Told) -> None:
    """A few messages, on a bus or in a file."""
    if told["SOURCE"] == "file":
        tapestore("simulate", "--to", told["REPLAY_FILES"], "--count", "10", told=told)
    else:
        Feed(told).send(10)


@pytest.mark.parametrize(
    ("bus", "store", "risk"),
    [
        ("jetstream", "local", "stream {stream} has one replica"),
        ("nats", "local", "NATS core delivers at most once"),
        ("kafka", "local", "topic {topic} has one replica"),
        ("file", "mongodb", "the replica set has one member"),
    ],
    indirect=["bus", "store"],
)
def test_what_may_lose_data_is_refused_when_we_are_strict(bus: Told, store: Told, risk: str) -> None:
    told = {**bus, **store}
    send(told)
    risk = risk.format(stream=bus.get("NATS_STREAM"), topic=bus.get("KAFKA_TOPICS"))

    refused = tapestore("run", "--strict", "--until-idle", "0.5", told=told, expect=CONFIG)
    warned = tapestore("run", "--until-idle", "0.5", told=told)

    assert refused.err.splitlines()[-1].startswith(f"tapestore: refused by --strict: {risk}")
    assert '"event": "at_risk"' in warned.err
    assert warned.err.count(risk) == 1


class Standalone(MongoDB):
    """A mongod that is no replica set, as most begin."""

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/"

    def command(self) -> Sequence[str | Path]:
        command = [*super().command()]
        at = command.index("--replSet")
        return command[:at] + command[at + 2 :]

    def answers(self) -> bool:
        with MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=1000) as client, suppress(PyMongoError):
            return bool(client.admin.command("ping"))
        return False


@pytest.mark.server("mongodb")
@pytest.mark.parametrize(("bus", "store"), [("file", "local")], indirect=True)
def test_a_standalone_mongod_is_a_warning_and_refused_when_we_are_strict(
    bus: Told, store: Told, unique_name: str, start_server: Callable[[type[Server]], Server]
) -> None:
    server = start_server(Standalone)
    told = {**bus, **store, "STORE": "mongodb", "MONGODB_URI": server.url, "MONGODB_DB": unique_name}
    send(told)

    refused = tapestore("run", "--strict", "--until-idle", "0.5", told=told, expect=CONFIG)
    warned = tapestore("run", "--until-idle", "0.5", told=told)

    assert refused.err.splitlines()[-1].startswith("tapestore: refused by --strict: mongod is standalone")
    assert warned.err.count("mongod is standalone") == 1
    assert sum(map(len, documents(told).values())) > 0


@pytest.mark.parametrize(("bus", "store"), [("file", "local")], indirect=True)
def test_strict_lets_pass_what_loses_nothing(bus: Told, store: Told) -> None:
    told = {**bus, **store}
    send(told)

    ended = tapestore("run", "--strict", "--until-idle", "0.5", told=told)

    assert "at_risk" not in ended.err


def test_a_bus_that_forgets_is_refused_before_the_start_when_at_least_once_is_asked() -> None:
    refused = tapestore("run", told={"SOURCE": "nats", "GUARANTEE": "at_least_once"}, expect=CONFIG)

    assert "SOURCE: must not be nats with GUARANTEE=at_least_once" in refused.err
    assert "service_started" not in refused.err
