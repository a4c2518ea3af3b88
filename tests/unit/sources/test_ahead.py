"""What was read ahead comes out in its order, within the bounds of whoever asks."""

from __future__ import annotations

import asyncio

from consumer.sources.ahead import Ahead, Lines

LOTS = 1000


def ahead(*blocks: Lines) -> Ahead:
    filled = Ahead()
    for block in blocks:
        filled.put(block)
    return filled


async def test_a_block_comes_whole_when_it_fits() -> None:
    first, second = Lines("a", 1, [b"1", b"2"]), Lines("b", 1, [b"3"])
    lines = ahead(first, second)
    assert [await lines.take(LOTS, LOTS, 1), await lines.take(LOTS, LOTS, 1)] == [first, second]
    assert not lines


async def test_both_bounds_cut_a_block_and_its_rest_comes_next() -> None:
    lines = ahead(Lines("a", 7, [b"11", b"22", b"33", b"44"]))
    assert await lines.take(2, LOTS, 1) == Lines("a", 7, [b"11", b"22"])
    assert await lines.take(LOTS, 3, 1) == Lines("a", 9, [b"33"])
    assert await lines.take(LOTS, LOTS, 1) == Lines("a", 10, [b"44"])
    assert not lines


async def test_lines_weigh_what_they_take_in_the_file() -> None:
    lines = ahead(Lines("a", 1, [b"", b"22", b"333"]))
    assert lines.bytes == 8
    await lines.take(2, LOTS, 1)
    assert lines.bytes == 4


async def test_one_line_comes_however_long_it_is() -> None:
    assert await ahead(Lines("a", 1, [b"long", b"longer"])).take(LOTS, 1, 1) == Lines("a", 1, [b"long"])


async def test_empty_lines_have_numbers_and_are_no_messages() -> None:
    assert list(Lines("a", 5, [b"", b"6", b"", b"8"]).numbered) == [(6, b"6"), (8, b"8")]


async def test_whoever_waits_gets_what_comes_and_can_be_woken_for_nothing() -> None:
    lines = Ahead()
    first = asyncio.create_task(lines.take(LOTS, LOTS, 60))
    await asyncio.sleep(0)
    lines.put(Lines("a", 1, [b"1"]))
    assert await first == Lines("a", 1, [b"1"])
    second = asyncio.create_task(lines.take(LOTS, LOTS, 60))
    await asyncio.sleep(0)
    lines.wake()
    assert await second is None
