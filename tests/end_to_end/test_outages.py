"""Servers that go away and come back, or were never there: nothing is lost, nobody dies, it heals alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.command import documents, running, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, Feed, check_store
from tests.servers import Kafka, MariaDB, MongoDB, Nats, Server

HEALING_SECONDS = 15
Start = Callable[[type[Server]], Server]


def wait_until_all_is_stored(told: Told, feed: Feed, deadline: float) -> None:
    """Until everything that was sent stands in the store."""
    while any(feed.truth.differences(documents(told))):
        assert time.monotonic() < deadline, "it does not heal"


@pytest.fixture
def absent(start_server: Start) -> Start:
    """`absent(MongoDB)` is a server that is not there, until somebody starts it."""

    def kill(kind: type[Server]) -> Server:
        server = start_server(kind)
        server.kill()
        return server

    return kill


@pytest.mark.parametrize(
    ("bus", "store", "kind", "url", "missing"),
    [
        ("jetstream", "mongodb", MongoDB, "MONGODB_URI", "breaker"),
        ("jetstream", "mongodb", Nats, "NATS_URL", "source"),
        ("kafka", "local", Kafka, "KAFKA_BOOTSTRAP_SERVERS", "source"),
    ],
    indirect=["bus", "store"],
)
def test_a_server_that_is_killed_under_load_is_waited_for(
    bus: Told, store: Told, kind: type[Server], url: str, missing: str, start_server: Start
) -> None:
    server = start_server(kind)
    told = {**bus, **store, url: server.url}
    feed = Feed(told, faults=ALL_BUT_BROKEN)
    feed.send(100)
    with running("run", told=told) as service:
        with feed.flowing(500):
            service.wait_until_stored(300)
            server.kill()
            service.wait_not_ready(missing)
            assert service.get("/livez")[0] == 200
            server.start()
            back = time.monotonic()
        feed.send(100)
        wait_until_all_is_stored(told, feed, back + HEALING_SECONDS)
        service.wait_ready()
        ended = service.end()

    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    check_store(told, feed.truth)


@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_metadata_that_is_down_all_the_time_only_delays_the_lineage(bus: Told, store: Told, absent: Start) -> None:
    mariadb = absent(MariaDB)
    told = {**bus, **store, "METADATA_URL": mariadb.url}
    spool = Path(told["LOCAL_PATH"], "spool")
    feed = Feed(told)
    feed.send(1000)
    with running("run", "--until-idle", "0.5", told=told) as service:
        service.wait_not_ready("metadata")
        ended = service.wait()
    assert ended.code == 0, ended.err
    check_store(told, feed.truth)
    assert list(spool.glob("lineage-*.json"))

    mariadb.start()
    feed.send(500)
    tapestore("run", "--until-idle", "0.5", told=told)

    assert not list(spool.glob("lineage-*.json"))
    verdict = tapestore("verify", "--json", told=told).json
    assert verdict["findings"] == []
    assert sum(row["received"] for row in verdict["totals"]) == feed.truth.received


@pytest.mark.parametrize("bus", ["jetstream"], indirect=True)
def test_nothing_has_to_be_there_at_the_start(bus: Told, absent: Start, unique_name: str, tmp_path: Path) -> None:
    nats, mongodb, mariadb = absent(Nats), absent(MongoDB), absent(MariaDB)
    told = {
        **bus,
        "NATS_URL": nats.url,
        "STORE": "mongodb",
        "MONGODB_URI": mongodb.url,
        "MONGODB_DB": unique_name,
        "METADATA_URL": mariadb.url,
        "LOCAL_PATH": str(tmp_path),
    }
    with running("run", told=told) as service:
        service.wait_not_ready("source", "subscription", "store", "metadata")
        assert [service.get(path)[0] for path in ("/livez", "/startupz")] == [200, 503]
        for server in (nats, mongodb, mariadb):
            server.start()
        back = time.monotonic()
        feed = Feed(told)
        feed.send(500)
        wait_until_all_is_stored(told, feed, back + HEALING_SECONDS)
        service.wait_ready()
        assert service.get("/startupz")[0] == 200
        ended = service.end()

    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    check_store(told, feed.truth)


@pytest.mark.parametrize("source", ["jetstream", "kafka"])
def test_it_can_be_stopped_while_nothing_is_there(source: str, tmp_path: Path) -> None:
    nowhere = "127.0.0.1:1"
    told = {
        "SOURCE": source,
        "NATS_URL": f"nats://{nowhere}",
        "KAFKA_BOOTSTRAP_SERVERS": nowhere,
        "STORE": "mongodb",
        "MONGODB_URI": f"mongodb://{nowhere}",
        "METADATA_URL": f"mysql://root@{nowhere}/tapestore",
        "LOCAL_PATH": str(tmp_path),
    }
    with running("run", told=told) as service:
        service.wait_not_ready("source", "store", "metadata")
        before = time.monotonic()
        ended = service.end()

    assert ended.code == 0, ended.err
    assert time.monotonic() - before < 5
    assert "Traceback" not in ended.err
