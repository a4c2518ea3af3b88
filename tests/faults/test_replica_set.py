"""Three members of a replica set: elections, and writes that are rolled back because no majority saw them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import MongoClient

from tests.end_to_end.command import count_of
from tests.end_to_end.conftest import Told
from tests.faults.conftest import CourtRoom
from tests.faults.replica_set import ELECTION_MS, ReplicaSet
from tests.faults.test_store_faults import ended_well
from tests.servers import Server

Start = Callable[[type[Server]], Server]
pytestmark = [pytest.mark.long, pytest.mark.minutes, pytest.mark.timeout(300)]


@pytest.mark.fault(
    "writes are rolled back",
    injection="the primary of three alone with unseen writes, killed, another elected, the old one back",
    holds="P1 P2 P3 P5",
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb"), ("kafka", "mongodb")], indirect=True)
def test_what_is_rolled_back_was_never_settled(
    bus: Told, store: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    members = ReplicaSet(start_server)
    judge = judge_of({**bus, **store, "MONGODB_URI": members.url}, seed)
    judge.send(300)
    with judge.service() as service:
        service.wait_until_stored(200)
        primary = members.primary()
        with count_of_documents(primary.port, judge.told["MONGODB_DB"]) as count:
            judge.wait_until_idle(service)
            with members.without_the_others(primary):
                before = count()
                judge.send(300)
                wait_for_more(count, before)
                primary.kill()
        members.primary(besides=primary)
        judge.fault_is_over()
        primary.start()
        ended_well(judge, service)


@contextmanager
def count_of_documents(port: int, database: str) -> Iterator[Callable[[], int]]:
    """Counts the documents that this member has, whoever else has them."""
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true&readConcernLevel=local"
    with MongoClient[dict[str, Any]](uri) as client:
        names = client[database].list_collection_names()
        yield lambda: sum(client[database][name].estimated_document_count() for name in names)


def wait_for_more(count: Callable[[], int], before: int) -> None:
    """Until this member has documents that the others cannot have."""
    deadline = time.monotonic() + ELECTION_MS / 1000
    while count() <= before:
        assert time.monotonic() < deadline, "the lonely primary took no write"


@pytest.mark.fault(
    "the primary of three changes", injection="replSetStepDown under load, five times", holds="P1 P2 P3 P5"
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
def test_elections_lose_nothing(bus: Told, store: Told, start_server: Start, seed: int, judge_of: CourtRoom) -> None:
    members = ReplicaSet(start_server)
    judge = judge_of({**bus, **store, "MONGODB_URI": members.url}, seed)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(300):
            service.wait_until_stored(200)
            for _ in range(5):
                stored = count_of("stored", service.get("/status")[1])
                old = members.primary()
                with MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{old.port}/?directConnection=true") as client:
                    client.admin.command({"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 1, "force": True})
                members.primary(besides=old)
                judge.fault_is_over()
                service.wait_until_stored(stored + 100)
        ended_well(judge, service)
        assert "the replica set has one member" not in service.err
