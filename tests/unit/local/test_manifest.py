"""The manifest lists files: all of a change or nothing, durably, from many threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.adapters.local.manifest import File, Manifest


def file(name: str, first: int = 0, last: int = 9, size: int = 100, collection: str = "trades_BTCUSDT") -> File:
    return File(collection, name, 10, size, first, last, first * 2, last * 2)


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    manifest = Manifest(tmp_path / "manifest.sqlite")
    manifest.open()
    yield manifest
    manifest.close()


def test_files_come_by_their_first_time(manifest: Manifest) -> None:
    late, early = file("late", 5, 9), file("early", 1, 6)

    manifest.commit([late, early])

    assert manifest.files("trades_BTCUSDT") == [early, late]
    assert manifest.files("trades_BTCUSDT", 7, 8) == [late]
    assert manifest.files("trades_BTCUSDT", last_time=4) == [early]
    assert manifest.files("trades_ETHUSDT") == []


def test_files_are_found_by_position_and_by_size(manifest: Manifest) -> None:
    small, large = file("small", 1, 2, size=5), file("large", 3, 4, size=50)

    manifest.commit([small, large])

    assert manifest.touching("trades_BTCUSDT", 4, 5) == [small]
    assert manifest.touching("trades_BTCUSDT", 5, 5) == []
    assert manifest.small("trades_BTCUSDT", 50) == [small]


def test_a_file_takes_the_place_of_others_at_once(manifest: Manifest) -> None:
    one, two, both = file("one"), file("two"), file("both")
    manifest.commit([one, two])

    manifest.commit([both], [one, two])

    assert manifest.names("trades_BTCUSDT") == {"both"}
    assert [manifest.lists(each) for each in (one, both)] == [False, True]


def test_a_change_that_fails_changes_nothing_and_the_next_goes_on(manifest: Manifest) -> None:
    manifest.commit([file("one")])

    with pytest.raises(sqlite3.IntegrityError):
        manifest.commit([file("two"), file("one")], [])
    manifest.commit([file("three")])

    assert manifest.names("trades_BTCUSDT") == {"one", "three"}


def test_many_threads_may_commit_at_once(manifest: Manifest) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: manifest.commit([file(str(number), collection=f"trades_{number}")]), range(80)))

    assert manifest.collections() == sorted(f"trades_{number}" for number in range(80))


def test_what_was_committed_outlives_the_connection(manifest: Manifest, tmp_path: Path) -> None:
    manifest.commit([file("one")])
    manifest.close()
    manifest.close()

    again = Manifest(tmp_path / "manifest.sqlite")
    again.open(read_only=True)

    assert again.names("trades_BTCUSDT") == {"one"}
    again.close()
