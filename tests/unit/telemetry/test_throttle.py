"""A flood becomes a few lines that add up to it."""

from consumer.telemetry import throttle
from consumer.telemetry.throttle import Throttle


def test_the_first_event_of_a_key_is_told_at_once() -> None:
    assert Throttle(10).tell(("a",), {"x": 1}, {"count": 3}, now=0) == {"x": 1, "count": 3}


def test_what_follows_within_the_time_is_told_with_the_next_one_after_it() -> None:
    gate = Throttle(10)
    told = [gate.tell(("a",), {"at": now}, {"count": 2}, now) for now in (0, 1, 9.9, 10, 11)]
    assert told == [{"at": 0, "count": 2}, None, None, {"at": 10, "count": 6, "occurrences": 3}, None]


def test_keys_do_not_hold_each_other_back() -> None:
    gate = Throttle(10)
    assert gate.tell(("a",), {}, {"count": 1}, now=0)
    assert gate.tell(("b",), {}, {"count": 1}, now=0)


def test_a_quiet_end_of_a_flood_becomes_due_with_its_newest_event() -> None:
    gate = Throttle(10)
    for now in (0, 1, 2):
        gate.tell(("a",), {"at": now}, {"count": 1}, now)
    assert gate.due(9) == []
    assert gate.due(10) == [{"at": 2, "count": 2, "occurrences": 2}]
    assert gate.due(100) == []


def test_a_line_that_became_due_holds_the_next_ones_back_again() -> None:
    gate = Throttle(10)
    gate.tell(("a",), {}, {}, now=0)
    gate.tell(("a",), {}, {}, now=1)
    gate.due(10)
    assert gate.tell(("a",), {}, {}, now=11) is None


def test_at_the_end_everything_is_told() -> None:
    gate = Throttle(10)
    gate.tell(("a",), {}, {}, now=0)
    gate.tell(("a",), {"x": 1}, {}, now=1)
    assert gate.due(1, all_of_them=True) == [{"x": 1}]


def test_keys_without_end_cost_no_memory_and_lose_no_event() -> None:
    gate = Throttle(10)
    keys = range(throttle.MAX_KEYS + 10)
    assert all(gate.tell((key,), {"key": key}, {}, now=0) for key in keys)
    assert gate.tell((0,), {"key": 0}, {}, now=0) is None
    assert gate.tell((keys[-1],), {"key": keys[-1]}, {}, now=0) is not None
