"""A flood becomes a few lines that add up to it."""

from consumer.telemetry import throttle
from consumer.telemetry.throttle import Throttle


def test_the_first_event_of_a_key_is_told_at_once() -> None:
    told = Throttle(10).tell(("a",), {"count": 3}, now=0)
    assert told is not None
    assert (told.times, told.sums) == (1, {"count": 3})


def test_what_follows_within_the_time_is_held_back_and_told_with_the_next_one_after_it() -> None:
    gate = Throttle(10)
    told = [gate.tell(("a",), {"count": 2}, now) for now in (0, 1, 9.9, 10, 11)]
    assert [each and (each.times, each.sums) for each in told] == [
        (1, {"count": 2}),
        None,
        None,
        (3, {"count": 6}),
        None,
    ]


def test_keys_do_not_hold_each_other_back() -> None:
    gate = Throttle(10)
    assert gate.tell(("a",), {}, now=0) is not None
    assert gate.tell(("b",), {}, now=0) is not None


def test_a_quiet_end_of_a_flood_becomes_due() -> None:
    gate = Throttle(10)
    for now in (0, 1, 2):
        gate.tell(("a",), {"count": 1}, now)
    assert gate.due(9) == []
    [(key, held)] = gate.due(10)
    assert (key, held.times, held.sums) == (("a",), 2, {"count": 2})
    assert gate.due(100) == []


def test_a_line_that_became_due_holds_the_next_ones_back_again() -> None:
    gate = Throttle(10)
    gate.tell(("a",), {}, now=0)
    gate.tell(("a",), {}, now=1)
    gate.due(10)
    assert gate.tell(("a",), {}, now=11) is None


def test_at_the_end_everything_is_told() -> None:
    gate = Throttle(10)
    gate.tell(("a",), {}, now=0)
    gate.tell(("a",), {}, now=1)
    assert [held.times for _, held in gate.due(1, all_of_them=True)] == [1]


def test_keys_without_end_do_not_cost_memory_and_are_not_lost() -> None:
    gate = Throttle(10)
    told = [gate.tell((number,), {}, now=0) for number in range(throttle.MAX_KEYS + 10)]
    assert all(told)
    assert len(gate.due(0, all_of_them=True)) == 0
    assert gate.tell((throttle.MAX_KEYS + 9,), {}, now=0) is not None
