"""Servers that go away and come back, or were never there: nothing is lost, nobody dies, it heals alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from consumer.metadata import FAREWELL_SECONDS
from tests.end_to_end.command import NOTICE_SECONDS, running, stopped, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, Feed, check_store, sums, wait_until_all_is_stored
from tests.servers import Kafka, MariaDB, MongoDB, Nats, Server

Start = Callable[[type[Server]], Server]


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
        wait_until_all_is_stored(told, feed.truth, since=back)
        service.wait_ready()
        ended = service.end()

    assert ended.code == 0, ended.err
    assert '"event": "source_connected"' in ended.err
    assert "Traceback" not in ended.err
    check_store(told, feed.truth)


@contextmanager
def killed(server: Server) -> Iterator[None]:
    """A server that is not there."""
    server.kill()
    yield
    server.start()


@pytest.mark.parametrize("harmed", [killed, stopped])
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_metadata_that_does_not_answer_all_the_time_only_delays_the_lineage(
    bus: Told, store: Told, harmed: Callable[[Server], AbstractContextManager[None]], start_server: Start
) -> None:
    mariadb = start_server(MariaDB)
    told = {**bus, **store, "METADATA_URL": mariadb.url}
    spool = Path(told["LOCAL_PATH"], "spool")
    feed = Feed(told)
    feed.send(500)
    with harmed(mariadb), running("run", told=told) as service:
        service.wait_until_stored(300)
        service.wait_not_ready("metadata")
        wait_until_all_is_stored(told, feed.truth, since=time.monotonic())
        before = time.monotonic()
        ended = service.end()
        assert ended.code == 0, ended.err
        assert time.monotonic() - before < FAREWELL_SECONDS + NOTICE_SECONDS
    assert list(spool.glob("lineage-*.json"))

    feed.send(500)
    tapestore("run", "--until-idle", "0.5", told=told)

    assert not list(spool.glob("lineage-*.json"))
    check_store(told, feed.truth)
    assert sums(told)["received"] == feed.truth.received


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
        wait_until_all_is_stored(told, feed.truth, since=back)
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
    assert time.monotonic() - before < FAREWELL_SECONDS + NOTICE_SECONDS
    assert "Traceback" not in ended.err
