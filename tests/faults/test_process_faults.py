"""A process that is stopped, frozen, stalled or doubled, and a clock that jumps: the rest goes on, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from config import load
from consumer.simulator.publish import publish
from consumer.simulator.publishers import open_publisher
from tests.end_to_end.command import Running, running
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, HEALING_SECONDS
from tests.faults.conftest import CourtRoom
from tests.faults.judge import Judge, peak_rss_mib
from tests.faults.test_store_faults import ended_well
from tests.servers import Faketime, MongoDB, Server

Start = Callable[[type[Server]], Server]
BUSES = [pytest.param("jetstream", "mongodb"), pytest.param("kafka", "mongodb", marks=pytest.mark.long)]
ON_EACH_BUS = pytest.mark.parametrize(("bus", "store"), BUSES, indirect=True)


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return {**bus, **store, "LINEAGE_INTERVAL_SECONDS": "0.2", "NATS_ACK_WAIT_SECONDS": "1"}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that stands still while the context lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.long
@pytest.mark.minutes
@pytest.mark.fault("one of two consumers is frozen", injection="SIGSTOP for 5 s and 60 s, resumed", holds="P1 P3 P4 P5")
@pytest.mark.parametrize("seconds", [5, 60])
@ON_EACH_BUS
@pytest.mark.timeout(300)
def test_what_a_frozen_consumer_does_when_it_wakes_changes_nothing(
    told: Told, seconds: int, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**told, "BATCH_MAX_MESSAGES": "50", "MAX_IN_FLIGHT_MESSAGES": "200"}, seed)
    judge.send(300)
    with judge.service() as other, judge.service(LOCAL_PATH=str(tmp_path / "second")) as service:
        other.wait_ready()
        service.wait_ready()
        with judge.feed.flowing(200):
            with frozen(other.process.pid):
                time.sleep(seconds)  # the length of the freeze is the fault
            judge.fault_is_over()
        assert other.end().code == 0
        ended_well(judge, service)


@pytest.mark.minutes
@pytest.mark.fault(
    "rolling restarts", injection="100 times SIGTERM under load, the next process at once", holds="P1 P3 P5 P7"
)
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.long)])
@ON_EACH_BUS
@pytest.mark.timeout(900)
def test_rolling_restarts_lose_nothing(told: Told, times: int, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told, seed)
    judge.send(100)
    with judge.feed.flowing(200):
        for _ in range(times):
            with judge.service() as service:
                service.wait_until_stored(20)
                ended = service.end()
                assert ended.code == 0, ended.err
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service)


@pytest.mark.long
@pytest.mark.fault("the event loop stalls", injection="a call blocks the loop for 12 s, ack_wait 1 s", holds="P1 P3 P5")
@ON_EACH_BUS
def test_a_stalled_event_loop_goes_on(told: Told, small: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of({**told, **small}, seed)
    judge.send(400)
    with judge.variant("", stage="stalled") as service:
        service.wait_until_said('"event": "slow_loop"')
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.long
@pytest.mark.fault("the wall clock is stepped", injection="±10 min by libfaketime under load", holds="P1 P3 P5 P7")
@ON_EACH_BUS
@pytest.mark.parametrize("step", ["+600", "-600"])
def test_a_wall_clock_that_jumps_is_not_noticed(
    told: Told, step: str, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    if (library := Faketime.program()) is None:
        pytest.skip("libfaketime is not installed: python -m tests.servers.install faketime")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    judge = judge_of(told, seed)
    judge.send(200)
    fake = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with judge.service(**fake) as service:
        with judge.feed.flowing(200):
            service.wait_until_stored(100)
            clock.write_text(step)
            judge.fault_is_over()
        ended_well(judge, service)


def shuffled(judge: Judge, count: int, times: int, tape: Path) -> None:
    """Send the same messages so many times, in any order, and write them into a file too."""
    settings, market = load(judge.told), judge.feed.market
    messages = list(islice(market, count)) * times
    random.Random(judge.seed).shuffle(messages)

    async def send() -> None:
        for to in (settings.source, str(tape)):
            async with open_publisher(to, settings, create=True) as publisher:
                await publish(messages, publisher)

    asyncio.run(send())


@pytest.mark.fault(
    "all is delivered ten times", injection="ten copies shuffled, a replay of the range beside them", holds="P3 P4 P7"
)
@ON_EACH_BUS
def test_everything_ten_times_in_any_order_is_one_of_each(
    told: Told, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    tape, beside = tmp_path / "tape.jsonl.zst", str(tmp_path / "beside")
    judge = judge_of(told, seed, faults=ALL_BUT_BROKEN)
    shuffled(judge, 400, 10, tape)
    with judge.service() as service:
        with running("replay", str(tape), told=judge.told | {"LOCAL_PATH": beside}) as replay:
            assert replay.wait().code == 0, replay.err
        judge.fault_is_over()
        ended_well(judge, service)


@pytest.mark.long
@pytest.mark.minutes
@pytest.mark.fault(
    "a long outage", injection="mongod dead for a minute while the bus fills with 50,000 messages", holds="P1 P3 P5 P6"
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb"), ("kafka", "mongodb")], indirect=True)
@pytest.mark.timeout(600)
def test_a_long_outage_fills_the_bus_and_not_the_memory(
    told: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    mongodb = start_server(MongoDB)
    more = {"MAX_IN_FLIGHT_MESSAGES": "5000", "MONGODB_URI": mongodb.url}
    judge = judge_of({**told, **more}, seed, faults=ALL_BUT_BROKEN)
    judge.send(20_000)
    with judge.service() as service:
        service.wait_until_stored(15_000)
        before, rebalances = peak_rss_mib(service.process.pid), rebalances_of(service)
        mongodb.kill()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if judge.feed.truth.messages < 70_000:
                judge.send(2000)
            judge.check_bounds(service)
            time.sleep(0.1)
        assert peak_rss_mib(service.process.pid) < before + 64
        assert rebalances_of(service) == rebalances  # the session with the bus was kept alive
        mongodb.start()
        judge.fault_is_over()
        judge.rest(service, seconds=4 * HEALING_SECONDS)  # the fresh ones come after all that waits
        assert service.end().code == 0
    judge.verdict()


def rebalances_of(service: Running) -> float:
    """How often partitions were taken away or given; 0 where there are none."""
    found = re.search(r"^tapestore_rebalances_total (\S+)$", service.text("/metrics")[1], re.MULTILINE)
    assert found is not None
    return float(found[1])
