"""Whose turn it is among partitions that are far behind, by a clock that the test moves."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from consumer.sources.kafka_turns import FAR_BEHIND, SILENT_SECONDS, TOGETHER_SECONDS, TURN_SECONDS, Turns
from tests.clock import Clock

A, B, C = (TopicPartition("market-data", number) for number in range(3))
FAR = {A: FAR_BEHIND, B: FAR_BEHIND, C: FAR_BEHIND}


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(clock=clock)


def waiting(turns: Turns, behind: dict[TopicPartition, int]) -> set[TopicPartition]:
    turns.look(behind)
    return set(turns.waiting)


def test_all_are_read_while_nobody_takes_turns(turns: Turns) -> None:
    assert waiting(turns, FAR) == {B, C}
    assert waiting(turns, {}) == set()


def test_one_that_is_far_behind_alone_keeps_nobody_waiting(turns: Turns) -> None:
    assert waiting(turns, {A: FAR_BEHIND, B: FAR_BEHIND - 1, C: 0}) == set()


def test_each_has_its_turn_and_then_it_begins_anew(turns: Turns, clock: Clock) -> None:
    seen = []
    for _ in range(4):
        seen.append(waiting(turns, FAR))
        turns.gave([*FAR])
        clock.now += TURN_SECONDS
    assert seen == [{B, C}, {A, C}, {A, B}, {B, C}]


def test_who_is_not_far_behind_never_waits(turns: Turns) -> None:
    assert waiting(turns, FAR | {B: FAR_BEHIND - 1}) == {C}


def test_who_has_caught_up_lets_the_next_one_in(turns: Turns) -> None:
    assert waiting(turns, FAR) == {B, C}
    assert waiting(turns, FAR | {A: 12}) == {C}


def test_when_its_turn_gives_nothing_all_are_read_for_a_while(turns: Turns, clock: Clock) -> None:
    assert waiting(turns, FAR) == {B, C}
    clock.now += SILENT_SECONDS
    turns.gave([])
    assert waiting(turns, FAR) == set()
    clock.now += TOGETHER_SECONDS
    assert waiting(turns, FAR) != set()


def test_what_others_give_is_no_sign_of_life(turns: Turns, clock: Clock) -> None:
    near = FAR | {C: 1}
    for _ in range(2):
        assert waiting(turns, near) == {B}
        clock.now += SILENT_SECONDS / 2
        turns.gave([C])
    assert waiting(turns, near) == set()


def test_the_time_between_polls_is_nobodys_silence(turns: Turns, clock: Clock) -> None:
    for _ in range(5):
        assert waiting(turns, FAR) == {B, C}
        turns.gave([])
        clock.now += TURN_SECONDS / 6
