"""The span of positions that counts cover, in whatever order they came."""

from __future__ import annotations

import pytest

from consumer.pipeline.tally import Tally


@pytest.mark.parametrize("received", [[(1, 4), (5, 9)], [(5, 9), (1, 4)], [(2, 9), (1, 1)]])
def test_the_span_runs_forward_also_when_what_came_first_is_counted_last(received: list[tuple[int, int]]) -> None:
    counts = Tally().of("trades_A", "trades", "kafka", "t/0")

    for first, last in received:
        counts.receive(1, first, last)

    assert counts.take_span() == (1, 9)
    assert counts.take_span() is None


def test_a_new_span_knows_nothing_of_the_one_before() -> None:
    counts = Tally().of("trades_A", "trades", "kafka", "t/0")
    counts.receive(1, 8, 9)
    counts.take_span()

    counts.receive(1, 2, 3)

    assert counts.take_span() == (2, 3)
