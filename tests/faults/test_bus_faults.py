"""A bus that dies, forgets, is made anew, hangs, or has rules of its own: nothing is lost, nothing stands twice."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import Reason
from tests.end_to_end.command import Running, count_of, dead_letters, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN
from tests.faults.buses import (
    Guarded,
    Member,
    add_consumer,
    add_stream,
    delete_consumer,
    delete_stream,
    forbidden,
    forget_records,
    limit_deliveries,
)
from tests.faults.conftest import CourtRoom
from tests.faults.failpoint import failing
from tests.faults.proxy import proxied
from tests.faults.test_store_faults import ended_well
from tests.servers import Kafka, Nats, Server, free_port

P135 = "P1 P3 P5"
STAY_SECONDS = 2
Start = Callable[[type[Server]], Server]
JETSTREAM = pytest.mark.parametrize(("bus", "store"), [pytest.param("jetstream", "local")], indirect=True)
KAFKA = pytest.mark.parametrize(("bus", "store"), [pytest.param("kafka", "local")], indirect=True)


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return {**bus, **store, "LINEAGE_INTERVAL_SECONDS": "0.2", "NATS_ACK_WAIT_SECONDS": "2"}


def lag(service: Running) -> int | None:
    """What waits, as the service knows it."""
    found: int | None = service.get("/status")[1]["sources"][0]["lag"]
    return found


@pytest.mark.fault(
    "the bus dies", injection="SIGKILL of nats-server or the broker under load, restart", holds="P1 P3 P5"
)
@pytest.mark.parametrize(
    ("bus", "store", "kind", "url"),
    [
        ("jetstream", "local", Nats, "NATS_URL"),
        pytest.param("kafka", "local", Kafka, "KAFKA_BOOTSTRAP_SERVERS", marks=pytest.mark.long),
    ],
    indirect=["bus", "store"],
)
def test_a_bus_that_is_killed_is_waited_for(
    told: Told, kind: type[Server], url: str, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    server = start_server(kind)
    judge = judge_of(told | {url: server.url}, seed, faults=ALL_BUT_BROKEN)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(500):
            service.wait_until_stored(200)
            server.kill()
            service.wait_not_ready("source")
            assert service.get("/livez")[0] == 200
            server.start()
            judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.long
@pytest.mark.fault("the JetStream consumer is deleted", injection="consumer deleted under load", holds="P1 P3 P5")
@JETSTREAM
def test_a_consumer_that_is_deleted_is_made_again(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed, faults=ALL_BUT_BROKEN)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(300):
            service.wait_until_stored(200)
            delete_consumer(told)
            judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault(
    "the stream is re-created", injection="stream deleted and made anew: sequences start again", holds="P1 P3 P5"
)
@JETSTREAM
def test_a_stream_that_counts_from_the_start_again_is_read(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    judge.send(300)
    with judge.service() as service:
        judge.wait_until_idle(service)
        delete_stream(told)
        add_stream(told)
        judge.fault_is_over()
        judge.send(200)
        ended_well(judge, service)


@pytest.mark.long
@pytest.mark.fault("half-open connection to the bus", injection="a proxy swallows everything", holds="P1 P3 P5")
@JETSTREAM
def test_a_half_open_connection_is_noticed(told: Told, seed: int, judge_of: CourtRoom) -> None:
    with proxied(int(told["NATS_URL"].rpartition(":")[2])) as proxy:
        judge = judge_of(told, seed)
        judge.send(300)
        with judge.service(NATS_URL=f"nats://127.0.0.1:{proxy.port}") as service:
            service.wait_until_stored(200)
            proxy.cut()
            judge.fault_is_over()
            ended_well(judge, service)


@pytest.mark.long
@pytest.mark.fault("half-open connection to the bus", injection="a proxy swallows everything", holds="P1 P3 P5")
@KAFKA
def test_half_open_connections_to_kafka_are_noticed(
    told: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    door = free_port()
    with proxied(door) as proxy:

        class Far(Kafka):
            """Has a second listener, and sends whoever comes in there back to the proxy."""

            def prepare(self) -> None:
                super().prepare()
                file = self.folder / "server.properties"
                text = re.sub("^listeners=", f"listeners=FAR://127.0.0.1:{door},", file.read_text(), flags=re.MULTILINE)
                text = text.replace("advertised.listeners=", f"advertised.listeners=FAR://127.0.0.1:{proxy.port},")
                names = ",".join(f"{name}:PLAINTEXT" for name in ("FAR", "PLAINTEXT", "CONTROLLER"))
                file.write_text(f"{text}listener.security.protocol.map={names}\n")

        judge = judge_of(told | {"KAFKA_BOOTSTRAP_SERVERS": start_server(Far).url}, seed)
        judge.send(300)
        with judge.service(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{proxy.port}") as service:
            service.wait_until_stored(200)
            proxy.cut()
            judge.fault_is_over()
            judge.rest(service)
            assert service.end().code == 0  # the client that was left behind may still have a socket then
            judge.verdict()


@pytest.mark.fault("a foreign durable gives messages up", injection="a durable with max_deliver 3 is there", holds="P1")
@JETSTREAM
def test_a_durable_that_gives_messages_up_is_refused_until_it_is_gone(
    told: Told, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of(told, seed)
    judge.send(200)
    add_consumer(told, max_deliver=3)
    with judge.service() as service:
        service.wait_not_ready("source", because="gives a message up after 3 deliveries")
        assert count_of("received", service.get("/status")[1]) == 0
        delete_consumer(told)
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault(
    "max_deliver is reached",
    injection="a durable gets max_deliver 1 while it is read, one of two pods dies with messages, `dlq replay`",
    holds="P1 P2 P3 P7",
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
def test_what_the_server_gives_up_is_a_letter_that_can_be_replayed(
    told: Told, small: Told, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**told, **small}, seed, faults=ALL_BUT_BROKEN)
    judge.killed = True
    judge.send(100)
    with judge.service() as dying, judge.service(LOCAL_PATH=str(tmp_path / "second")) as service:
        dying.wait_ready()
        service.wait_ready()
        with failing(told, "", "insert", "update"):
            judge.send(600)
            dying.wait_until("/status", lambda _, status: status["in_flight"]["messages"] > 0)
            limit_deliveries(told, 1)
            dying.process.kill()
        judge.fault_is_over()
        service.wait_until("/status", lambda _, status: count_of("dead_lettered", status) > 0)
        judge.wait_until_idle(service)
        assert {letter.reason for letter in dead_letters(judge.told)} == {Reason.MAX_DELIVERIES}
        tapestore("dlq", "replay", told=judge.told | {"LOCAL_PATH": str(tmp_path / "third")})
        ended_well(judge, service)


@pytest.mark.fault(
    "max_ack_pending is reached", injection="a durable of 100, a store that takes nothing", holds="P1 P3 P6"
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
def test_a_durable_that_is_full_goes_on_when_the_store_does(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    judge.send(600)
    add_consumer(told, max_ack_pending=100, ack_wait=2)
    with judge.service() as service:
        with failing(told, "", "insert", "update"):
            service.wait_until("/status", lambda _, status: status["breaker"] != "closed")
            judge.check_bounds(service)
            assert count_of("dead_lettered", service.get("/status")[1]) <= judge.feed.truth.dead_letters.total()
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault("commits are refused", injection="the right to the group denied under load, given back", holds=P135)
@KAFKA
def test_a_group_that_takes_no_commits_is_waited_for(
    told: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    told |= {"KAFKA_BOOTSTRAP_SERVERS": start_server(Guarded).url}
    judge = judge_of(told, seed)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(300):
            service.wait_until_stored(200)
            with forbidden(told):
                service.wait_not_ready("subscription", because="let this user READ the group")
                assert service.get("/livez")[0] == 200
            judge.fault_is_over()
        service.wait_ready()
        ended_well(judge, service)
        assert '"event": "source_refused"' in service.err


@pytest.mark.long
@pytest.mark.minutes
@pytest.mark.fault(
    "a Kafka rebalance storm", injection="a member joins or leaves every two seconds, for a minute", holds=P135
)
@KAFKA
@pytest.mark.timeout(300)
def test_a_rebalance_storm_loses_nothing(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    judge.send(500)
    with judge.service() as service:
        with judge.feed.flowing(200):
            service.wait_until_stored(200)
            for _ in range(15):
                Member(told).visit(STAY_SECONDS)
                time.sleep(STAY_SECONDS)  # the pace of the storm is the fault
            judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.fault(
    "offsets are out of retention",
    injection="records deleted before they were read; lost is what was not told",
    holds="P1 P7",
)
@KAFKA
def test_offsets_out_of_retention_are_told_and_the_rest_is_stored(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed, faults=())
    judge.send(300)
    with judge.service() as service:
        judge.wait_until_idle(service)
        assert service.end().code == 0
    judge.send(300)
    forget_records(told, 10)
    judge.fault_is_over()
    with judge.service() as service:
        judge.wait_until_idle(service)
        judge.healed()
        source = service.get("/status")[1]["sources"][0]
        assert service.end().code == 0

    lost = source["details"]["lost_offsets"]
    assert lost > 0
    assert "were out of retention" in source["problem"]
    judge.counted_loss(lost, received=300 + source["received"])


@pytest.mark.long
@pytest.mark.fault(
    "NATS core overflows",
    injection="a burst into a buffer of 200, the store is down; lost is what was not counted",
    holds="P6 P7",
    instead={"redelivered": "NATS core never does"},
)
@pytest.mark.parametrize(("bus", "store"), [("nats", "mongodb")], indirect=True)
def test_what_nats_core_drops_is_counted_exactly(told: Told, seed: int, judge_of: CourtRoom) -> None:
    told |= {"MAX_IN_FLIGHT_MESSAGES": "200", "BATCH_MAX_MESSAGES": "50"}
    judge = judge_of(told, seed, faults=())
    with judge.service() as service:
        service.wait_ready()
        with failing(told, "", "insert", "update"):
            judge.send(2000)
            service.wait_until("/status", lambda _, status: status["sources"][0]["dropped"] > 0)
            judge.check_bounds(service)
        judge.fault_is_over()
        judge.wait_until_idle(service)
        judge.healed()
        judge.send(50)
        judge.wait_until_idle(service)
        source = service.get("/status")[1]["sources"][0]
        ended = service.end()

    assert ended.code == 0, ended.err
    assert "at most once" in ended.err or "at_most_once" in ended.err
    judge.counted_loss(source["dropped"], received=source["received"])
