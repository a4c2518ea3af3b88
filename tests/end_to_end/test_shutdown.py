"""How it ends when it is told to: all written within the budget, or given back, and a second run has the rest."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.sources.file import CLOSE_SECONDS
from tests.end_to_end.command import NOTICE_SECONDS, running, stopped, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, Feed, check_store, sums
from tests.servers import MongoDB, Server

DRAIN_SECONDS = 20


@pytest.fixture
def mongodb(start_server: Callable[[type[Server]], Server]) -> Server:
    """A server of the test's own."""
    return start_server(MongoDB)


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return {**bus, **store, "DRAIN_SECONDS": str(DRAIN_SECONDS)}


@pytest.fixture
def to_mongodb(bus: Told, mongodb: Server, unique_name: str, tmp_path: object) -> Told:
    """From JetStream to a MongoDB that may be harmed."""
    return {
        **bus,
        "STORE": "mongodb",
        "MONGODB_URI": mongodb.url,
        "MONGODB_DB": unique_name,
        "LOCAL_PATH": str(tmp_path),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
    }


def test_a_replay_of_a_silent_pipe_ends_when_it_is_told_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with running("replay", str(pipe), told={"LOCAL_PATH": str(tmp_path / "store")}) as service, pipe.open("w"):
        service.wait_until_said("service_started")
        before = time.monotonic()
        ended = service.end()

    assert time.monotonic() - before < NOTICE_SECONDS + CLOSE_SECONDS
    assert ended.code == 0, ended.err
    assert "exception" not in ended.err


@pytest.mark.parametrize(
    ("bus", "store", "number"),
    [("jetstream", "mongodb", signal.SIGTERM), ("kafka", "local", signal.SIGINT)],
    indirect=["bus", "store"],
)
def test_a_signal_under_load_ends_in_time_and_leaves_nothing(told: Told, number: signal.Signals) -> None:
    feed = Feed(told)
    feed.send(1)
    with running("run", told=told) as service, feed.flowing(1000):
        service.wait_until_stored(500)
        before = time.monotonic()
        ended = service.end(number)
        seconds = time.monotonic() - before

    assert ended.code == 0, ended.err
    assert seconds < DRAIN_SECONDS + NOTICE_SECONDS
    tapestore("run", "--until-idle", "0.5", told=told)
    check_store(told, feed.truth)
    assert sums(told)["returned"] == 0


@pytest.mark.parametrize("bus", ["jetstream"], indirect=True)
def test_a_second_signal_ends_at_once_and_loses_nothing(to_mongodb: Told, mongodb: Server) -> None:
    to_mongodb |= {"NATS_ACK_WAIT_SECONDS": "2", "MAX_IN_FLIGHT_MESSAGES": "2000"}
    feed = Feed(to_mongodb)
    feed.send(1000)
    with running("run", told=to_mongodb) as service:
        service.wait_until_stored(1)
        with stopped(mongodb):
            feed.send(1000)
            service.wait_until("/status", lambda _, status: status["in_flight"]["messages"] >= 1000)
            service.process.send_signal(signal.SIGTERM)
            service.wait_until("/status", lambda _, status: status["state"] == "draining")
            before = time.monotonic()
            ended = service.end()
            seconds = time.monotonic() - before

    assert ended.code == 1
    assert seconds < NOTICE_SECONDS
    tapestore("run", "--until-idle", "0.5", told=to_mongodb)
    check_store(to_mongodb, feed.truth)


@pytest.mark.parametrize("bus", ["jetstream"], indirect=True)
def test_a_signal_during_an_outage_of_the_store_gives_everything_back(to_mongodb: Told, mongodb: Server) -> None:
    to_mongodb |= {"NATS_ACK_WAIT_SECONDS": "60"}  # what is not given back comes only then
    feed = Feed(to_mongodb, faults=ALL_BUT_BROKEN)
    feed.send(500)
    with running("run", told=to_mongodb) as service:
        service.wait_until_stored(100)
        mongodb.kill()
        feed.send(500)
        service.wait_until("/status", lambda _, status: status["breaker"] != "closed")
        ended = service.end()
    assert ended.code == 1, ended.err

    mongodb.start()
    before = time.monotonic()
    tapestore("run", "--until-idle", "0.5", told=to_mongodb)
    assert time.monotonic() - before < float(to_mongodb["NATS_ACK_WAIT_SECONDS"]) / 2, "it was not given back"
    check_store(to_mongodb, feed.truth)
    assert sums(to_mongodb)["returned"] > 0
