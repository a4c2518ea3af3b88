"""A store that dies, is demoted, refuses, fails in part, is slow or full: all is there in the end, and only once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymongo import MongoClient

from storage import Outcome, Reason
from tests.end_to_end.command import Running, count_of, dead_letters, documents, running, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, HEALING_SECONDS
from tests.faults.conftest import CourtRoom
from tests.faults.failpoint import failing
from tests.faults.judge import Figures, Judge, peak_rss_mib
from tests.faults.proxy import proxied
from tests.servers import MongoDB, Server

Start = Callable[[type[Server]], Server]
BUSES = [
    pytest.param("jetstream", "mongodb", id="jetstream"),
    pytest.param("kafka", "mongodb", id="kafka", marks=pytest.mark.long),
]
ON_EACH_BUS = pytest.mark.parametrize(("bus", "store"), BUSES, indirect=True)
COLLECTION = "trades_BTCUSDT"


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return {**bus, **store, "LINEAGE_INTERVAL_SECONDS": "0.2"}


def port_of(uri: str) -> int:
    """The port of a mongod on this machine."""
    found = re.search(r":(\d+)", uri.partition("//")[2])
    assert found is not None
    return int(found[1])


def pinned(port: int) -> str:
    """A URI that asks this port alone, whatever the replica set says of itself."""
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


def ended_well(judge: Judge, service: Running, *, seconds: float = HEALING_SECONDS) -> None:
    """The quiet end phase, in so many seconds from the end of the fault, the end, and the verdict."""
    judge.rest(service, seconds=seconds)
    ended = service.end()
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    judge.verdict()


@pytest.mark.fault("mongod dies mid-batch", injection="SIGKILL of mongod under load, restart", holds="P1 P2 P3 P5 P7")
@ON_EACH_BUS
def test_a_mongod_that_is_killed_mid_batch_is_waited_for(
    told: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    mongodb = start_server(MongoDB)
    judge = judge_of(told | {"MONGODB_URI": mongodb.url}, seed)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(500):
            service.wait_until_stored(300)
            mongodb.kill()
            service.wait_not_ready("store")
            assert service.get("/livez")[0] == 200
            mongodb.start()
            judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault("writes are not durable", injection="write-concern errors by failpoint", holds="P1 P2 P3 P7")
@ON_EACH_BUS
@pytest.mark.parametrize("code", [64, pytest.param(91, marks=pytest.mark.long)])
def test_a_write_concern_error_is_no_settlement(told: Told, code: int, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    fault = {"code": code, "errmsg": "waiting for replication timed out"}
    judge.send(300)
    with failing(told, COLLECTION, "insert", times=3, writeConcernError=fault), judge.service() as service:
        with judge.feed.flowing(500):
            service.wait_until_stored(500)
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault("connections break mid-bulk", injection="closeConnection by failpoint", holds="P1 P2 P3 P7")
@ON_EACH_BUS
def test_a_bulk_write_that_is_cut_off_is_written_again(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    judge.send(300)
    commands = ("insert", "update", "find")
    with failing(told, COLLECTION, *commands, times=5, closeConnection=True), judge.service() as service:
        with judge.feed.flowing(500):
            service.wait_until_stored(500)
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault(
    "bulk writes fail in part",
    injection="a validator refuses some documents: they must be letters",
    holds="P1 P3 P7",
    instead={"recovery_seconds": "the rule stays"},
)
@ON_EACH_BUS
def test_a_bulk_write_that_fails_in_part_keeps_the_rest(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed, faults=("duplicates",))
    judge.send(600)
    truth = judge.feed.truth.documents[COLLECTION]
    refused = sorted(document["trade_id"] for document in truth.values())[::3]
    with MongoClient[dict[str, Any]](told["MONGODB_URI"]) as client:
        rule = {"trade_id": {"$nin": refused}}
        client[told["MONGODB_DB"]].create_collection(COLLECTION, validator=rule)
    with judge.service() as service:
        judge.wait_until_idle(service)
        assert service.end().code == 0

    letters = [letter for letter in dead_letters(judge.told) if letter.reason is Reason.SCHEMA]
    assert {_trade_id(letter.data) for letter in letters} == set(refused)
    judge.feed.truth.dead_letters[Reason.SCHEMA] = len(letters)  # a copy of one may have its own
    judge.feed.truth.outcomes[Outcome.STORED] -= len(letters)
    for key, document in list(truth.items()):
        if document["trade_id"] in refused:
            del truth[key]
    judge.verdict()


def _trade_id(data: bytes) -> object:
    """Of a trade as it was on the bus."""
    message = msgspec.json.decode(data)
    return message.get("data", message)["t"]


def step_down(uri: str) -> None:
    """The primary steps down for a second; with one member it then becomes primary again."""
    with MongoClient[dict[str, Any]](uri) as client:
        client.admin.command({"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": True})


@pytest.mark.fault(
    "the primary steps down", injection="replSetStepDown under load, again and again", holds="P1 P2 P3 P5"
)
@ON_EACH_BUS
@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
def test_a_primary_that_steps_down_is_waited_for(
    told: Told, times: int, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    mongodb = start_server(MongoDB)
    judge = judge_of(told | {"MONGODB_URI": mongodb.url}, seed)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(300):
            service.wait_until_stored(100)
            for _ in range(times):
                stored = count_of("stored", service.get("/status")[1])
                step_down(mongodb.url)
                judge.fault_is_over()
                service.wait_until_stored(stored + 100)
        ended_well(judge, service)


SLOW = [0.05, pytest.param(0.5, marks=pytest.mark.long), pytest.param(5.0, marks=pytest.mark.long)]


@pytest.mark.fault(
    "the store is slow", injection="each command 50 ms, 500 ms, 5 s late, ack_wait 1 s", holds="P1 P3 P6"
)
@ON_EACH_BUS
@pytest.mark.minutes
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", SLOW)
def test_a_slow_store_makes_no_storm_of_redeliveries(
    told: Told, small: Told, seconds: float, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**told, **small, "NATS_ACK_WAIT_SECONDS": "1"}, seed)
    judge.send(200)
    late = {"blockConnection": True, "blockTimeMS": round(seconds * 1000)}
    with judge.service() as service:
        service.wait_until_stored(100)
        with failing(told, "", "insert", "update", **late):
            judge.send(100)
            judge.wait_until_idle(service, seconds=200)
        judge.fault_is_over()
        ended_well(judge, service)
    assert judge.figures.redelivered == 0


@pytest.mark.fault("half-open connections to the store", injection="a proxy swallows everything", holds="P1 P3 P5")
@pytest.mark.long
@ON_EACH_BUS
def test_half_open_connections_to_the_store_are_given_up(told: Told, seed: int, judge_of: CourtRoom) -> None:
    with proxied(port_of(told["MONGODB_URI"])) as proxy:
        judge = judge_of(told, seed)
        judge.send(200)
        with judge.service(MONGODB_URI=pinned(proxy.port)) as service:
            service.wait_until_stored(100)
            proxy.cut()
            judge.fault_is_over()
            ended_well(judge, service)


@pytest.mark.fault(
    "dead letters cannot be written",
    injection="their collection refuses by failpoint, the others do not",
    holds="P1 P2 P7",
)
@ON_EACH_BUS
@pytest.mark.parametrize("code", [13, pytest.param(50, marks=pytest.mark.long)], ids=["refused", "too slow"])
def test_a_message_whose_letter_cannot_be_written_is_not_settled(
    told: Told, code: int, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of(told, seed)
    judge.send(600)
    letters = judge.feed.truth.dead_letters.total()
    with judge.service() as service:
        with failing(told, "dead_letters", "insert", "update", errorCode=code):
            service.wait_until_stored(300)
            service.wait_not_ready("store", because="dead_letters: ")
            status = service.wait_until("/status", lambda _, status: 0 < status["in_flight"]["messages"] <= letters)
            assert status["store_problem"].startswith("dead_letters: ")
            assert count_of("dead_lettered", status) == len(dead_letters(told)) == 0
            assert status["sources"][0]["lag"] >= status["in_flight"]["messages"]
            assert service.get("/livez")[0] == 200
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault(
    "letters are replayed into a store that is down",
    injection="writes refused by failpoint",
    holds="P1 P2",
    instead={"redelivered": "no bus in it"},
)
@pytest.mark.parametrize("store", ["mongodb"], indirect=True)
def test_a_letter_stays_until_its_records_are_durable(store: Told, tmp_path: Path, figures: Figures) -> None:
    tape = str(tmp_path / "tape.jsonl")
    tapestore("simulate", "--to", tape, "--symbols", "9", "--kinds", "trade", "--count", "200", told=store)
    tapestore("replay", tape, told=store | {"MAX_COLLECTIONS": "1"})
    figures.sent = letters = len(dead_letters(store))
    with running("dlq", "replay", told=store) as replay:
        with failing(store, "", "insert", "update"):
            replay.wait_until_said('"event": "breaker_changed"')
            assert len(dead_letters(store)) == letters > 100
            figures.used(peak_rss_mib(replay.process.pid))
        over = time.monotonic()
        assert replay.wait().code == 0
    figures.recovery_seconds = time.monotonic() - over
    assert dead_letters(store) == []
    keys = [document["_id"] for found in documents(store).values() for document in found]
    figures.compare(range(200), range(len(keys)))
    figures.compare(set(keys), keys)


@pytest.mark.fault(
    "rights are taken away", injection="the role revoked, or the user dropped, under load; given back", holds="P1 P3 P5"
)
@ON_EACH_BUS
@pytest.mark.parametrize("lost", ["role", pytest.param("user", marks=pytest.mark.long)])
def test_rights_that_are_taken_away_pause_it(
    told: Told, lost: str, start_server: Start, seed: int, judge_of: CourtRoom, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("c2VjcmV0LW9mLWEtdGVzdA==")
    key.chmod(0o400)

    class Guarded(MongoDB):
        def command(self) -> list[str | Path]:
            asks: list[str | Path] = ["--keyFile", key] if self.guarded else []
            return [*super().command(), *asks]

        guarded = False

    mongodb = start_server(Guarded)
    database = told["MONGODB_DB"]
    roles = [{"role": "readWrite", "db": database}, {"role": "dbAdmin", "db": database}]
    assert isinstance(mongodb, Guarded)
    with MongoClient[dict[str, Any]](mongodb.url) as client:
        client.admin.command("createUser", "root", pwd="root", roles=["root"])
        client.admin.command("createUser", "tape", pwd="tape", roles=roles)
    with_user = mongodb.url.replace("mongodb://", "mongodb://{0}:{0}@") + "&authSource=admin"
    mongodb.stop()
    mongodb.guarded = True
    mongodb.answers = lambda: _answers(with_user.format("root"))  # type: ignore[method-assign]
    mongodb.start()
    judge = judge_of(told | {"MONGODB_URI": with_user.format("tape")}, seed, faults=ALL_BUT_BROKEN)
    judge.send(300)
    with judge.service() as service, MongoClient[dict[str, Any]](with_user.format("root")) as client:
        with judge.feed.flowing(300):
            service.wait_until_stored(200)
            if lost == "role":
                client.admin.command("revokeRolesFromUser", "tape", roles=roles)
                service.wait_not_ready("store")
                client.admin.command("grantRolesToUser", "tape", roles=roles)
            else:
                client.admin.command("dropUser", "tape")
                service.wait_not_ready("store")
                client.admin.command("createUser", "tape", pwd="tape", roles=roles)
            judge.fault_is_over()
        ended_well(judge, service)
        assert '"event": "operator_needed"' in service.err


def _answers(uri: str) -> bool:
    from pymongo.errors import PyMongoError

    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=500) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False
