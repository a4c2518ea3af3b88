"""`tapestore compact`: fewer files, the same answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.adapters.local import LocalAdapter
from tests.unit.cli.command import Command, candle, store_records, trade


@pytest.fixture
def scattered(store: Path) -> Path:
    """Trades in five files, and a candle in three versions."""
    for number in range(5):
        store_records(store, [trade(number)])
    store_records(store, [candle(0), candle(1)])
    return store


def files(store: Path, collection: str) -> int:
    return len(list((store / "market" / collection).glob("*.parquet")))


def test_many_files_become_one_and_the_answers_stay(tapestore: Command, scattered: Path) -> None:
    before = tapestore("query", "trades", "BTCUSDT", "--json").out
    done = tapestore("compact", "--json").json
    assert done["trades_BTCUSDT"] == {"files_before": 5, "files_after": 1, "rows": 5, "superseded": 0}
    assert done["candles_BTCUSDT_1m"] == {"files_before": 0, "files_after": 0, "rows": 0, "superseded": 0}
    assert files(scattered, "trades_BTCUSDT") == 1
    assert tapestore("query", "trades", "BTCUSDT", "--json").out == before


@pytest.mark.usefixtures("scattered")
def test_the_table_shows_what_was_merged(tapestore: Command) -> None:
    ended = tapestore("compact")
    assert "trades_BTCUSDT 5 1 5 0" in " ".join(ended.out.split())
    assert "candles" not in ended.out
    assert ended.err == "1 of 2 collections were in order already.\n"
    assert tapestore("compact").err == "2 of 2 collections were in order already.\n"


def test_only_the_collections_that_are_named(tapestore: Command, scattered: Path) -> None:
    assert list(tapestore("compact", "candles_BTCUSDT_1m", "--json").json) == ["candles_BTCUSDT_1m"]
    assert files(scattered, "trades_BTCUSDT") == 5


@pytest.mark.usefixtures("scattered")
def test_a_collection_that_is_not_there_exits_2(tapestore: Command) -> None:
    assert "there is no collection trades_X in" in tapestore("compact", "trades_X", expect=2).err


def test_a_store_that_is_not_there_is_not_made(tapestore: Command, store: Path) -> None:
    assert "there is no store in" in tapestore("compact", expect=69).err
    assert not store.exists()


def test_an_empty_store_has_nothing_to_compact(tapestore: Command, store: Path) -> None:
    store_records(store, [])
    assert tapestore("compact").err == "There is nothing to compact: no collection has files.\n"


def test_only_the_local_store_has_files(tapestore: Command) -> None:
    tapestore.tell(STORE="mongodb")
    said = "tapestore: only the local store has files to compact, and STORE is mongodb\n"
    assert tapestore("compact", expect=2).err == said


async def test_beside_a_writer_it_exits_69(tapestore: Command, scattered: Path) -> None:
    async with LocalAdapter(scattered):
        ended = await asyncio.to_thread(tapestore, "compact", expect=69)
    assert "already writes to" in ended.err
