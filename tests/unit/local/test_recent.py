"""Rows of small files stay in memory, within a limit."""

from __future__ import annotations

import pyarrow as pa

from storage.adapters.local.manifest import File
from storage.adapters.local.recent import Recent

ROWS = pa.table({"_id": ["a"]})


def file(name: str, size: int = 40) -> File:
    return File("trades_BTCUSDT", name, 1, size, 0, 0, 0, 0)


def test_what_was_kept_is_there_until_it_is_dropped() -> None:
    recent = Recent(50, 100)
    recent.keep(file("1"), ROWS)

    assert recent.get(file("1")) is ROWS
    recent.drop(file("1"))
    recent.drop(file("1"))

    assert recent.get(file("1")) is None


def test_large_files_are_not_kept() -> None:
    recent = Recent(50, 100)
    recent.keep(file("1", size=51), ROWS)

    assert recent.get(file("1", size=51)) is None


def test_a_slice_would_keep_all_that_it_was_cut_from() -> None:
    recent = Recent(50, 100)
    recent.keep(file("1"), pa.table({"number": range(1000)}).slice(0, 1))

    assert recent.get(file("1")) is None


def test_beyond_the_limit_the_one_that_was_not_asked_for_goes() -> None:
    recent = Recent(50, 100)
    for name in ("1", "2", "2"):
        recent.keep(file(name), ROWS)
    recent.get(file("1"))

    recent.keep(file("3"), ROWS)

    assert [recent.get(file(name)) is not None for name in ("1", "2", "3")] == [True, False, True]
