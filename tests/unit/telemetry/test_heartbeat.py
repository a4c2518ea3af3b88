"""A stuck process is told from one that waits, by a clock that the test moves."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from consumer.telemetry.heartbeat import BEAT_SECONDS, Heartbeat, Watchdog, Work, beating
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def watchdog(clock: Clock) -> Watchdog:
    return Watchdog(loop_seconds=10, progress_seconds=60, clock=clock)


def test_a_beat_in_time_is_no_lag(clock: Clock) -> None:
    heart = Heartbeat(clock)
    clock.now += BEAT_SECONDS
    heart.beat()
    assert heart.lag == 0


def test_a_late_beat_is_lag_and_a_log_line(
    clock: Clock, lines: Callable[[], list[dict[str, Any]]], sample: Callable[..., float | None]
) -> None:
    heart = Heartbeat(clock)
    clock.now += BEAT_SECONDS + 3
    heart.beat()
    assert heart.lag == 3
    assert [(line["event"], line["seconds"]) for line in lines()] == [("slow_loop", 3.0)]
    assert sample("tapestore_event_loop_lag_seconds") == 3


def test_a_beat_that_never_comes_is_lag_too(clock: Clock) -> None:
    heart = Heartbeat(clock)
    clock.now += BEAT_SECONDS + 30
    assert heart.stalled_seconds() == 30


def test_the_next_good_beat_ends_the_lag(clock: Clock) -> None:
    heart = Heartbeat(clock)
    clock.now += 5
    heart.beat()
    clock.now += BEAT_SECONDS
    heart.beat()
    assert (heart.lag, heart.stalled_seconds()) == (0, 0)


async def test_it_beats_while_the_context_lasts(clock: Clock) -> None:
    slept: list[float] = []
    third = asyncio.Event()

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        slept.append(seconds)
        if len(slept) == 3:
            third.set()
        await asyncio.sleep(0)

    before = asyncio.all_tasks()
    async with beating(Heartbeat(clock), sleep=sleep) as heart:
        await third.wait()
    assert asyncio.all_tasks() == before
    assert slept[:3] == [BEAT_SECONDS] * 3
    assert heart.lag == 0


def test_a_stalled_loop_is_not_alive(watchdog: Watchdog) -> None:
    work = Work(progress=0, lag=0, able=True)
    assert watchdog.verdict(work, loop_lag=9) == ""
    assert watchdog.verdict(work, loop_lag=11) == "the event loop is 11.0 s late"


def test_work_that_waits_while_nothing_moves_is_not_alive(watchdog: Watchdog, clock: Clock) -> None:
    stuck = Work(progress=5, lag=100, able=True)
    watchdog.look(stuck)
    clock.now += 60
    assert watchdog.verdict(stuck, 0) == ""
    clock.now += 1
    assert watchdog.verdict(stuck, 0) == "100 messages wait and nothing moved for 61 s"


def test_progress_is_life(watchdog: Watchdog, clock: Clock) -> None:
    for progress in range(10):
        clock.now += 59
        assert watchdog.verdict(Work(progress, lag=100, able=True), 0) == ""


@pytest.mark.parametrize(
    "waiting",
    [Work(5, lag=0, able=True), Work(5, lag=None, able=True), Work(5, lag=100, able=False)],
    ids=["nothing to do", "lag not known", "outage"],
)
def test_waiting_is_life_however_long(waiting: Work, watchdog: Watchdog, clock: Clock) -> None:
    for _ in range(5):
        clock.now += 3600
        assert watchdog.verdict(waiting, 0) == ""


def test_after_an_outage_the_time_begins_anew(watchdog: Watchdog, clock: Clock) -> None:
    watchdog.look(Work(5, lag=100, able=True))
    clock.now += 59
    watchdog.look(Work(5, lag=100, able=False))
    clock.now += 15
    watchdog.look(Work(5, lag=100, able=False))
    clock.now += 59
    assert watchdog.verdict(Work(5, lag=100, able=True), 0) == ""
    assert watchdog.look(Work(5, lag=100, able=True)) == 59


def test_a_source_that_subscribes_again_and_again_and_gets_nothing_is_not_alive(
    watchdog: Watchdog, clock: Clock
) -> None:
    for _ in range(6):
        assert watchdog.verdict(Work(5, lag=100, able=True), 0) == ""
        clock.now += 8
        assert watchdog.verdict(Work(5, lag=None, able=False), 0) == ""
        clock.now += 2
    clock.now += 1
    assert watchdog.verdict(Work(5, lag=100, able=True), 0) == "100 messages wait and nothing moved for 61 s"
