"""What is remembered of the last writes, and when it is forgotten."""

import pytest

from storage.adapters.mongodb.recent import Recent
from storage.packed import Columns, Packed, columns_of
from tests.clock import Clock

TRADES = "trades_BTCUSDT"


def packed(*numbers: int, body: bytes = b"same") -> Columns:
    columns = columns_of([Packed("BTCUSDT", f"BTCUSDT_{number}", body, "trades") for number in numbers])
    assert columns is not None
    return columns


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_same_bytes_are_known_and_others_are_not(clock: Clock) -> None:
    recent = Recent(60, clock)
    recent.add(TRADES, packed(1, 2), recent.epoch(TRADES))

    assert recent.known(TRADES, packed(2, 3, 1)) == {0, 2}
    assert recent.known(TRADES, packed(1, body=b"other")) == set()
    assert recent.known("agg_trades_BTCUSDT", packed(1)) == set()


@pytest.mark.parametrize(("age", "known"), [(29, {0}), (59, {0}), (61, set())])
def test_they_are_forgotten_in_time(clock: Clock, age: float, known: set[int]) -> None:
    recent = Recent(60, clock)
    recent.add(TRADES, packed(1), 0)

    for _ in range(2):
        clock.now += age / 2
        recent.known(TRADES, packed())

    assert recent.known(TRADES, packed(1)) == known


def test_no_more_than_so_many_are_remembered(clock: Clock) -> None:
    recent = Recent(60, clock, capacity=10)
    for number in range(100):
        recent.known(TRADES, packed())
        recent.add(TRADES, packed(number), 0)

    assert 5 <= len(recent.known(TRADES, packed(*range(100)))) <= 10
    assert recent.known(TRADES, packed(99)) == {0}


def test_a_collection_in_which_something_is_deleted_is_forgotten(clock: Clock) -> None:
    recent = Recent(60, clock)
    recent.add(TRADES, packed(1), recent.epoch(TRADES))
    under_way = recent.epoch(TRADES)

    recent.forget(TRADES)
    recent.add(TRADES, packed(2), under_way)

    assert recent.known(TRADES, packed(1, 2)) == set()


def test_without_time_nothing_is_remembered(clock: Clock) -> None:
    recent = Recent(0, clock)
    recent.add(TRADES, packed(1), 0)

    assert recent.known(TRADES, packed(1)) == set()
