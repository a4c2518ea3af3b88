"""A partition that stands still is told from one that has nothing, by a clock that the test moves."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from consumer.errors import SourceUnavailable
from consumer.sources.kafka_stall import Silence, Stall
from tests.clock import Clock

KEY = TopicPartition("market-data", 3)
OTHER = TopicPartition("market-data", 4)


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def stall(clock: Clock) -> Stall:
    return Stall(clock=clock)


def looks(stall: Stall, clock: Clock, positions: dict[TopicPartition, int], *, times: int = 16) -> None:
    """Look every half second, for the first time at once."""
    for _ in range(times):
        stall.look(positions, {KEY: 20, OTHER: 20})
        clock.now += 0.5


def test_messages_that_wait_and_do_not_come_are_noticed_after_eight_seconds(stall: Stall, clock: Clock) -> None:
    looks(stall, clock, {KEY: 15, OTHER: 20}, times=17)
    with pytest.raises(SourceUnavailable, match="5 messages of market-data/3 wait, none comes"):
        looks(stall, clock, {KEY: 15, OTHER: 20}, times=1)


def test_a_partition_without_messages_may_stand_still_for_ever(stall: Stall, clock: Clock) -> None:
    looks(stall, clock, {KEY: 20, OTHER: 20}, times=100)


def test_one_message_is_life(stall: Stall, clock: Clock) -> None:
    for position in range(10):
        looks(stall, clock, {KEY: position})


def test_one_partition_that_moves_does_not_hide_another_that_stands(stall: Stall, clock: Clock) -> None:
    with pytest.raises(SourceUnavailable, match="market-data/4"):
        for position in range(20):
            looks(stall, clock, {KEY: position, OTHER: 0}, times=1)


def test_for_a_partition_that_is_not_read_time_stands_still(stall: Stall, clock: Clock) -> None:
    looks(stall, clock, {KEY: 15}, times=10)
    looks(stall, clock, {}, times=100)
    looks(stall, clock, {OTHER: 20}, times=100)
    looks(stall, clock, {KEY: 15}, times=6)
    with pytest.raises(SourceUnavailable, match="market-data/3"):
        looks(stall, clock, {KEY: 15}, times=2)


def test_after_a_reason_to_stand_still_the_time_begins_anew(stall: Stall, clock: Clock) -> None:
    looks(stall, clock, {KEY: 15})
    stall.forget()
    looks(stall, clock, {KEY: 15})


def test_the_time_in_which_this_process_stood_still_does_not_count(stall: Stall, clock: Clock) -> None:
    looks(stall, clock, {KEY: 15}, times=2)
    clock.now += 60
    looks(stall, clock, {KEY: 15}, times=10)


def test_silence_is_counted_from_the_last_answer(clock: Clock) -> None:
    silence = Silence(clock=clock)
    heard = []
    for latest in (1000, 1150, 1150, 1150, 1300, 1300):
        clock.now += 0.5
        heard.append(silence.look(latest))
    assert heard == [0, 0, 0.5, 1.0, 0, 0.5]


def test_where_no_answer_is_expected_nothing_is_silent(clock: Clock) -> None:
    silence = Silence(clock=clock)
    for _ in range(10):
        clock.now += 1
        assert silence.look(None) == 0
