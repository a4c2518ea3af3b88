"""Files that overlap or are small become each other's neighbours; the others are left alone."""

from __future__ import annotations

from storage.adapters.local.compaction import Compaction, Sizes, parts, runs
from storage.adapters.local.manifest import File
from storage.adapters.local.parquet import encode
from storage.tables import TRADES
from tests.contracts.records import trades

SIZES = Sizes(small_bytes=10, target_bytes=100, run_bytes=150)


def file(first: int, last: int, size: int = 50, collection: str = "trades_BTCUSDT") -> File:
    return File(collection, f"{first}-{last}", 1, size, first, last, first, last)


def test_large_files_side_by_side_are_left_alone() -> None:
    assert runs([file(0, 9), file(9, 20), file(30, 40)], SIZES) == []


def test_files_that_overlap_are_merged() -> None:
    wide, inner, next_one, far = file(0, 30), file(5, 6), file(29, 35), file(40, 50)

    assert runs([wide, inner, next_one, far], SIZES) == [[wide, inner, next_one]]


def test_small_files_side_by_side_are_merged_but_not_across_a_large_one() -> None:
    small = [file(number, number, size=1) for number in range(4)]
    large = file(10, 20)
    behind = [file(number, number, size=1) for number in (30, 31)]

    assert runs([*small, large, *behind], SIZES) == [small, behind]


def test_one_small_file_is_left_alone() -> None:
    assert runs([file(0, 1, size=1)], SIZES) == []


def test_versions_may_meet_in_one_millisecond() -> None:
    candles = [file(0, 9, collection="candles_BTCUSDT_1m"), file(9, 20, collection="candles_BTCUSDT_1m")]

    assert runs(candles, SIZES) == [candles]


def test_a_run_has_a_limit_where_nothing_overlaps() -> None:
    pairs = [[file(at, at + 5, size=90), file(at + 1, at + 6, size=90)] for at in (0, 10, 20)]

    assert runs([file for pair in pairs for file in pair], SIZES) == pairs


def test_parts_are_at_least_of_the_target_size_but_the_last() -> None:
    tables = [encode(TRADES, trades(count)) for count in (10, 10, 10, 1)]

    assert [part.num_rows for part in parts(tables, 2 * tables[0].nbytes)] == [20, 11]


def test_compactions_add_up() -> None:
    assert Compaction(4, 1, 30, 2) + Compaction(3, 2, 5, 0) == Compaction(7, 3, 35, 2)
