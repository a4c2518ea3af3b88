"""The judge can fail: for each promise a service that breaks it, and the judge's word on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.command import tapestore
from tests.end_to_end.conftest import Told
from tests.faults.broken import VARIANTS
from tests.faults.conftest import CourtRoom
from tests.faults.failpoint import failing
from tests.faults.judge import Judge
from tests.faults.test_kills import doomed

MANY = ("all", "conflicts=0.02", "late_candles=0.03", "disorder=0.1", "duplicates=0.1")
COLLECTION = "trades_BTCUSDT"
FIFTEENTH = 20  # the seed that strikes at the fifteenth settlement: the first messages of each kind are written then
SOON = 6  # a shorter patience than the promise's: the sound service passes with it too


def plain(judge: Judge, variant: str) -> None:
    """Nothing happens but the market."""
    judge.send(600)
    with judge.variant(variant) as service:
        judge.wait_until_idle(service)
        service.end()
    judge.verdict()


def killed_before_a_write(judge: Judge, variant: str) -> None:
    judge.killed = True
    judge.send(600)
    doomed(judge.told, "before a write", judge.seed, variant)
    tapestore("run", "--until-idle", "0.5", told=judge.told)
    judge.verdict()


def with_an_error_or_two(judge: Judge, variant: str) -> None:
    judge.send(600)
    with failing(judge.told, COLLECTION, "insert", times=2), judge.variant(variant) as service:
        judge.wait_until_idle(service)
        service.end()
    judge.verdict()


def with_an_outage(judge: Judge, variant: str) -> None:
    judge.send(600)
    with judge.variant(variant) as service:
        with failing(judge.told, COLLECTION, "insert"):
            service.wait_until("/status", lambda _, status: status["breaker"] != "closed")
        judge.fault_is_over()
        judge.rest(service, seconds=SOON)
        service.end()
    judge.verdict()


def with_a_full_house(judge: Judge, variant: str) -> None:
    judge.told |= {"MAX_IN_FLIGHT_MESSAGES": "50", "BREAKER_FAILURE_THRESHOLD": "1000"}
    judge.send(600)
    with judge.variant(variant) as service:
        with failing(judge.told, COLLECTION, "insert"):
            service.wait_until("/status", lambda _, status: _is_full(status["in_flight"]))
            for _ in range(20):
                judge.check_bounds(service)
        judge.fault_is_over()
        judge.rest(service)
        service.end()
    judge.verdict()


def _is_full(in_flight: Any) -> bool:
    return bool(in_flight["messages"] >= in_flight["max_messages"])


def replayed_in_part(judge: Judge, variant: str) -> None:
    """What is stored comes again from its start, and then no more."""
    judge.send(600)
    tapestore("run", "--until-idle", "0.5", told=judge.told)
    judge.killed = True
    few = {"BATCH_MAX_MESSAGES": "20", "MAX_IN_FLIGHT_MESSAGES": "60"}
    again = judge.told | few | {"NATS_DURABLE": f"{judge.told['NATS_DURABLE']}-again"}
    doomed(again, "after settle, before lineage", FIFTEENTH, variant)
    judge.verdict()


def stopped_in_an_outage(judge: Judge, variant: str) -> None:
    judge.send(600)
    with failing(judge.told, COLLECTION, "insert"), judge.variant(variant) as service:
        service.wait_until("/status", lambda _, status: status["breaker"] != "closed")
        service.end()
    tapestore("run", "--until-idle", "0.5", told=judge.told)
    judge.verdict()


CAUGHT: dict[str, tuple[Callable[[Judge, str], None], str]] = {
    "settles before the write": (killed_before_a_write, "is missing"),
    "swallows a bulk error": (with_an_error_or_two, "trades_BTCUSDT: .* is missing"),
    "drops on shutdown": (stopped_in_an_outage, "is missing"),
    "hides conflicts": (plain, "has no conflict"),
    "keys by position": (plain, "'duplicate_effects': [1-9]"),
    "lets the last one win": (replayed_in_part, "candles_"),
    "buries an outage": (with_an_error_or_two, "letters too many: not storable"),
    "never tries again": (with_an_outage, "it does not heal"),
    "takes without end": (with_a_full_house, "too much in flight"),
    "forgets to count": (plain, "differ"),
}


@pytest.fixture
def judge(bus: Told, store: Told, small: Told, judge_of: CourtRoom) -> Judge:
    return judge_of({**bus, **store, **small}, faults=MANY)


def test_every_broken_variant_is_tried() -> None:
    assert CAUGHT.keys() == VARIANTS.keys()


def test_every_promise_has_a_broken_variant() -> None:
    assert {(variant.__doc__ or "")[:2] for variant in VARIANTS.values()} == {f"P{number}" for number in range(1, 8)}


@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
@pytest.mark.parametrize("variant", CAUGHT)
def test_a_broken_promise_is_caught(judge: Judge, variant: str) -> None:
    happens, words = CAUGHT[variant]

    with pytest.raises(AssertionError, match=words):
        happens(judge, variant)


@pytest.mark.long
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
@pytest.mark.parametrize("happens", dict.fromkeys(happens for happens, _ in CAUGHT.values()))
def test_the_sound_service_is_not_accused(judge: Judge, happens: Callable[[Judge, str], None]) -> None:
    happens(judge, "")
