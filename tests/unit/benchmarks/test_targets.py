"""Whether a row reaches what was asked of it."""

from __future__ import annotations

import pytest

from benchmarks.peers.rows import PEER_ROWS
from benchmarks.rows import ROWS
from benchmarks.targets import ANY, CPU, PEER_TARGETS, RATE, RSS, TARGETS, Target, Verdict, lines

RATIO = Target("flow", RATE, 0.3, 0.8, of="ceiling")
COST = Target("flow", CPU, 7, 3, at_most=True)


@pytest.mark.parametrize(
    ("rate", "verdict"), [(90, Verdict.BEYOND), (80, Verdict.BEYOND), (30, Verdict.MET), (29, Verdict.MISSED)]
)
def test_a_ratio_is_at_least_so_much(rate: float, verdict: Verdict) -> None:
    assert RATIO.verdict({"flow": {RATE: rate}, "ceiling": {RATE: 100}}) == verdict


@pytest.mark.parametrize(("cost", "verdict"), [(3.0, Verdict.BEYOND), (7.0, Verdict.MET), (7.1, Verdict.MISSED)])
def test_a_cost_is_at_most_so_much(cost: float, verdict: Verdict) -> None:
    assert COST.verdict({"flow": {CPU: cost}}) == verdict


def test_without_one_of_its_rows_a_target_is_not_measured() -> None:
    assert RATIO.verdict({"flow": {RATE: 90}}) is Verdict.UNKNOWN
    assert COST.verdict({"flow": {CPU: None}}) is Verdict.UNKNOWN


def test_a_bound_of_all_rows_holds_for_the_largest() -> None:
    target = Target(ANY, RSS, 250, at_most=True)

    assert target.measured({"one": {RSS: 100.0}, "other": {RSS: 260.0}, "third": {RSS: None}}) == 260.0


def test_a_line_says_what_was_asked_and_what_came_of_it() -> None:
    rows = {"flow": {RATE: 45_000}, "ceiling": {RATE: 100_000}}

    assert lines([RATIO], rows, {"flow": "Kafka → MongoDB"}) == [
        ("Kafka → MongoDB", "docs/s ≥ 0.3 of ceiling", "docs/s ≥ 0.8 of ceiling", "0.45", "met")
    ]


def test_every_target_is_one_of_a_row() -> None:
    assert {name for target in TARGETS for name in (target.row, target.of or target.row)} <= {*ROWS, ANY}
    assert {name for target in PEER_TARGETS for name in (target.row, target.of)} <= PEER_ROWS.keys()
