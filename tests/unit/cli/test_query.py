"""`tapestore query`: what is asked, how it is written, and what cannot be asked."""

from __future__ import annotations

import asyncio
import csv
import io
import tracemalloc
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from consumer.cli.documents import ROW_GROUP, Format, write
from storage.adapters.base import Document
from storage.adapters.local.parquet import documents
from storage.tables import TABLES, TRADES
from tests.unit.cli.command import Command, candle, depth, store_records, trade


@pytest.fixture
def trades(store: Path) -> list[Document]:
    """Thirty trades of one symbol, a second each."""
    records = [trade(number) for number in range(30)]
    store_records(store, records)
    return [TRADES.to_document(record) for record in records]


@pytest.mark.usefixtures("trades")
def test_json_is_one_document_a_line_with_exact_numbers(tapestore: Command) -> None:
    first, *others = tapestore("query", "trades", "BTCUSDT", "--json").lines
    assert len(others) == 29
    assert first == {
        "_id": "BTCUSDT_1743465600000_0",
        "symbol": "BTCUSDT",
        "timestamp": "2025-04-01T00:00:00.000Z",
        "trade_id": 0,
        "price": "0.100000000000000001",
        "quantity": "0.00000001",
        "is_buyer_maker": True,
    }


@pytest.mark.usefixtures("trades")
def test_kind_and_symbol_are_taken_in_lower_case_and_with_dashes(tapestore: Command, store: Path) -> None:
    assert len(tapestore("query", "Trades", "btcusdt", "--json").lines) == 30
    assert "no agg_trades_BTCUSDT among the 1 collections" in tapestore("query", "agg-trades", "btcusdt").err


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("--limit", "3"), [0, 1, 2]),
        (("--latest", "3"), [29, 28, 27]),
        (("--start", "2025-04-01T00:00:27"), [27, 28, 29]),
        (("--start", "2025-04-01T02:00:27+02:00"), [27, 28, 29]),
        (("--end", "2025-04-01T00:00:02Z"), [0, 1]),
        (("--start", "2025-04-01T00:00:05.0005", "--limit", "1"), [6]),
        (("--start", "2025-04-01", "--end", "20250402", "--limit", "2"), [0, 1]),
    ],
)
@pytest.mark.usefixtures("trades")
def test_a_range_a_limit_or_the_newest(tapestore: Command, asked: tuple[str, ...], found: list[int]) -> None:
    lines = tapestore("query", "trades", "BTCUSDT", "--json", *asked).lines
    assert [line["trade_id"] for line in lines] == found


def test_each_timeframe_of_candles_is_a_collection_of_its_own(tapestore: Command, store: Path) -> None:
    store_records(store, [candle(0, "1m"), candle(0, "1M")])
    for timeframe in ("1m", "1M"):
        (line,) = tapestore("query", "candles", "BTCUSDT", "--timeframe", timeframe, "--json").lines
        assert line["timeframe"] == timeframe


def test_a_table_shows_a_screen_and_says_so_on_stderr(tapestore: Command, trades: list[Document]) -> None:
    ended = tapestore("query", "trades", "BTCUSDT")
    assert [str(document["_id"]) in ended.out for document in trades] == [True] * 20 + [False] * 10
    assert ended.err == "The first 20; --limit, --start and --latest show others.\n"
    assert "0.100000000000000001" in ended.out


def test_a_table_counts_the_levels_of_a_book(tapestore: Command, store: Path) -> None:
    store_records(store, [depth(0)])
    assert "2 levels" in tapestore("query", "depth", "BTCUSDT").out


def test_csv_holds_what_is_stored(tapestore: Command, trades: list[Document]) -> None:
    rows = list(csv.DictReader(io.StringIO(tapestore("query", "trades", "BTCUSDT", "--format", "csv").out)))
    assert [(row["_id"], Decimal(row["price"]), row["event_time"]) for row in rows] == [
        (document["_id"], document["price"], "") for document in trades
    ]


def test_csv_writes_the_levels_of_a_book_into_one_cell(tapestore: Command, store: Path) -> None:
    store_records(store, [depth(0)])
    (row,) = csv.DictReader(io.StringIO(tapestore("query", "depth", "BTCUSDT", "--format", "csv").out))
    assert row["bids"] == "1.5x2 1.4x0.00000001"


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.usefixtures("trades")
def test_a_file_holds_what_stdout_would(tapestore: Command, tmp_path: Path, form: str) -> None:
    asked = ("query", "trades", "BTCUSDT", "--format", form)
    said = tapestore(*asked).out
    assert tapestore(*asked, "-o", "there").out == ""
    assert (tmp_path / "there").read_text() == said


def test_parquet_gives_back_exactly_what_is_stored(tapestore: Command, trades: list[Document], tmp_path: Path) -> None:
    ended = tapestore("query", "trades", "BTCUSDT", "--format", "parquet", "-o", "trades.parquet")
    assert (ended.out, ended.err) == ("", "")
    assert documents(pq.read_table(tmp_path / "trades.parquet")) == trades


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_can_be_asked_for(tapestore: Command, store: Path, kind: str) -> None:
    store_records(store, [trade(0)])
    timeframe = ("--timeframe", "1m") if kind == "candles" else ()
    assert len(tapestore("query", kind, "BTCUSDT", "--json", *timeframe).lines) == (kind == "trades")


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.usefixtures("trades")
def test_an_empty_answer_is_one_line_on_stderr_and_no_failure(tapestore: Command, form: str) -> None:
    ended = tapestore("query", "trades", "BTCUSDT", "--start", "2030-01-01", "--format", form)
    assert (ended.out, ended.err) == ("", "Nothing there: trades_BTCUSDT holds no document of that range.\n")
    ended = tapestore("query", "trades", "XRPUSDT", "--format", form)
    said = "Nothing there: no trades_XRPUSDT among the 1 collections, such as trades_BTCUSDT.\n"
    assert (ended.out, ended.err) == ("", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("quotes", "BTCUSDT"), "no kind is called 'quotes'; known are trades, agg_trades"),
        (("trades", "../BTC"), "invalid symbol '../BTC'"),
        (("trades", "BTCUSDT", "--timeframe", "1m"), "trades have no timeframe"),
        (("candles", "BTCUSDT"), "candles need a --timeframe such as 1m"),
        (("candles", "BTCUSDT", "--timeframe", "1x"), "candles need a timeframe such as 1m"),
        (("trades", "BTCUSDT", "--start", "yesterday"), "'yesterday' is no ISO 8601 time"),
        (("trades", "BTCUSDT", "--end", "0001-01-01T00:00+14:00"), "is no ISO 8601 time"),
        (
            ("trades", "BTCUSDT", "--start", "2026-01-02", "--end", "2026-01-01"),
            "2026-01-01T00:00:00.000Z is not after",
        ),
        (("trades", "BTCUSDT", "--start", "2026-01-02", "--end", "2026-01-02"), "--end must be after --start"),
        (("trades", "BTCUSDT", "--latest", "1", "--limit", "1"), "--latest goes without"),
        (("trades", "BTCUSDT", "--format", "parquet"), "--format parquet needs --output"),
        (("trades", "BTCUSDT", "-o", "x"), "a table is for looking"),
        (("trades", "BTCUSDT", "--json", "-o", "nowhere/x"), "is no place for a file"),
        (("trades", "BTCUSDT", "--json", "-o", "."), "is no place for a file"),
    ],
)
@pytest.mark.usefixtures("trades")
def test_what_cannot_be_asked_exits_2_with_one_line(tapestore: Command, arguments: tuple[str, ...], said: str) -> None:
    ended = tapestore("query", *arguments, expect=2)
    assert ended.out == ""
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_store_that_is_not_there_exits_69_and_is_not_made(tapestore: Command, store: Path) -> None:
    ended = tapestore("query", "trades", "BTCUSDT", expect=69)
    assert ended.err == f"tapestore: there is no store in {store}; set LOCAL_PATH to the folder of one\n"
    assert not store.exists()


async def many(count: int) -> AsyncIterator[Document]:
    for number in range(count):
        yield TRADES.to_document(trade(number))


@pytest.mark.parametrize("form", [Format.JSON, Format.CSV])
def test_memory_stays_flat_however_much_is_written(tmp_path: Path, form: Format) -> None:
    tracemalloc.start()
    asyncio.run(write(TRADES, many(5000), form, tmp_path / "out"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300_000 < (tmp_path / "out").stat().st_size


def test_parquet_is_written_a_row_group_at_a_time(tmp_path: Path) -> None:
    assert asyncio.run(write(TRADES, many(ROW_GROUP + 1), Format.PARQUET, tmp_path / "out")) == ROW_GROUP + 1
    file = pq.ParquetFile(tmp_path / "out")
    assert [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)] == [ROW_GROUP, 1]
