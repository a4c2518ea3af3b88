"""The watermark of a partition."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from consumer.sources.watermark import GAP, Watermark

offsets = st.lists(st.integers(0, 60) | st.integers(0, 3 * GAP), unique=True, max_size=30).map(sorted)


def marked(*given: int) -> Watermark:
    mark = Watermark()
    mark.extend(given)
    return mark


def test_a_new_watermark_waits_for_nothing() -> None:
    assert Watermark().first is None
    assert len(Watermark()) == 0


def test_what_is_given_and_not_settled_holds_it() -> None:
    mark = marked(0, 1, 2)
    mark.settle(1)
    mark.settle(2)
    assert (mark.first, len(mark)) == (0, 1)
    mark.settle(0)
    assert (mark.first, len(mark)) == (None, 0)


def test_holes_in_the_offsets_do_not_hold_it() -> None:
    mark = marked(12, 20, 35)
    mark.settle(12)
    assert mark.first == 20
    mark.settle(20)
    assert mark.first == 35


def test_offsets_that_were_never_given_or_are_done_change_nothing() -> None:
    mark = marked(5, 7)
    for stranger in (4, 6, 8):
        mark.settle(stranger)
    mark.settle(5)
    mark.settle(5)
    assert (mark.first, len(mark)) == (7, 1)


def test_offsets_without_holes_are_given_at_once() -> None:
    mark = marked(*range(GAP - 2, 3 * GAP + 1))
    assert (mark.first, len(mark)) == (GAP - 2, 2 * GAP + 3)
    mark.settle(*range(GAP - 2, 3 * GAP))
    assert (mark.first, len(mark)) == (3 * GAP, 1)


def test_offsets_that_are_far_apart_take_little() -> None:
    mark = marked(*range(0, 10**15, 10**12))
    mark.settle(*range(0, 10**15 - 10**12, 10**12))
    assert mark.first == 10**15 - 10**12


def test_many_offsets_that_are_far_apart_are_passed_at_once() -> None:
    apart = range(0, 200_000 * 2 * GAP, 2 * GAP)
    mark = marked(*apart)
    mark.settle(*apart[:-1])
    began = time.process_time()
    assert mark.first == apart[-1]
    assert time.process_time() - began < 1.0  # one after another they took five seconds, and the loop stood still


@given(offsets, st.data())
def test_it_is_the_lowest_unsettled_offset_and_never_goes_back(offsets: list[int], data: st.DataObject) -> None:
    mark = Watermark()
    waiting, pending, reached = list(offsets), list[int](), -1
    while waiting or pending:
        if waiting and (not pending or data.draw(st.booleans())):
            mark.extend(waiting[:3])
            pending += waiting[:3]
            del waiting[:3]
        else:
            mark.settle(*(done := data.draw(st.lists(st.sampled_from(pending), min_size=1, max_size=4))))
            pending = [offset for offset in pending if offset not in done]
        assert mark.first == min(pending, default=None)
        assert len(mark) == len(pending)
        if mark.first is not None:
            assert mark.first >= reached
            reached = mark.first
