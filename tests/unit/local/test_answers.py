"""What only the local store does with questions: it reads little, sorts in bounded memory, and mixes formats."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from storage import OperatorError, RejectedError, UnsupportedQuery
from storage.adapters import get_adapter
from storage.adapters.base import Change
from storage.adapters.local import LocalAdapter, Sizes, answers
from storage.adapters.local.conditions import columns_needed, span_of
from storage.adapters.local.formats import FORMATS, FormatName
from storage.adapters.local.parquet import encode
from storage.adapters.local.reader import EVERYTHING, Span
from storage.errors import DatabaseError
from storage.queries import parse_filter, parse_pipeline
from storage.tables import TABLE_OF, TRADES
from storage.times import to_ms
from tests.contracts.records import BARE, FULL, MS, T0, candle, trade, trades
from tests.contracts.writing import FIRST_DAY, LAST_DAY, put, stored

NEVER = Sizes(small_files=1000, absorbed_bytes=0)
MS0 = to_ms(T0)


def files(base: Path) -> list[Path]:
    return sorted((base / "market" / "trades_BTCUSDT").iterdir())


@pytest.mark.parametrize(
    ("filter", "span"),
    [
        ({}, EVERYTHING),
        ({"timestamp": T0}, Span(MS0, MS0)),
        ({"timestamp": {"$gte": T0, "$lt": T0 + 5 * MS}, "price": 1}, Span(MS0, MS0 + 4)),
        ({"$and": [{"timestamp": {"$gt": T0}}, {"timestamp": {"$lte": T0 + MS}}]}, Span(MS0 + 1, MS0 + 1)),
        ({"$or": [{"timestamp": T0}, {"price": 1}]}, EVERYTHING),
        ({"timestamp": {"$not": {"$gt": T0}}}, EVERYTHING),
        ({"timestamp": {"$ne": T0}}, EVERYTHING),
        ({"timestamp": None}, EVERYTHING),
        ({"timestamp": {"$in": [T0]}}, EVERYTHING),
    ],
)
def test_a_filter_tells_the_times_that_it_asks_for(filter: dict[str, Any], span: Span) -> None:
    assert span_of(parse_filter(TRADES, filter)) == span


def test_a_pipeline_tells_the_columns_that_it_looks_at() -> None:
    measures = {"total": {"$sum": "$price"}, "n": {"$count": {}}}
    stages: list[dict[str, Any]] = [
        {"$match": {"$or": [{"trade_id": {"$not": {"$gt": 1}}}, {"event_time": {"$exists": True}}]}},
        {"$sort": {"timestamp": 1}},
        {"$limit": 5},
    ]

    assert columns_needed(parse_pipeline(TRADES, stages)) is None
    assert columns_needed(parse_pipeline(TRADES, [*stages, {"$group": {"_id": "$symbol", **measures}}])) == {
        "trade_id",
        "event_time",
        "timestamp",
        "symbol",
        "price",
    }
    assert columns_needed(parse_pipeline(TRADES, [{"$project": {"price": 1}}])) == {"price"}


async def test_files_outside_the_times_asked_for_are_not_read(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        for day in range(3):
            await put(adapter, trade(day, timestamp=T0 + timedelta(days=day)))
    files(tmp_path)[0].write_bytes(b"damaged")

    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        assert len(await adapter.find("trades_BTCUSDT", {"timestamp": {"$gt": T0}})) == 2
        assert await adapter.delete("trades_BTCUSDT", {"timestamp": {"$gt": T0 + timedelta(days=1)}}) == 1
        with pytest.raises(OperatorError, match="damaged"):
            await adapter.find("trades_BTCUSDT")


async def test_a_sort_of_very_much_needs_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SORT_BYTES", 20_000)
    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        for start in range(0, 1000, 100):
            await put(adapter, *trades(start + 100)[start:])

        found = await adapter.find("trades_BTCUSDT", sort=[("trade_id", -1)], limit=3)

        assert [document["trade_id"] for document in found] == [999, 998, 997]
        assert len(await adapter.find("trades_BTCUSDT", sort=[("timestamp", 1), ("_id", 1)])) == 1000
        for limit in (0, 900):
            with pytest.raises(UnsupportedQuery, match="sort"):
                await adapter.find("trades_BTCUSDT", sort=[("trade_id", -1)], limit=limit)


async def test_a_change_writes_only_the_files_that_it_touches(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        for day in range(4):
            await put(adapter, trade(day, timestamp=T0 + timedelta(days=day)))
        before = files(tmp_path)

        assert await adapter.update("trades_BTCUSDT", {"trade_id": 1}, {"price": 7}) == 1
        assert await adapter.delete("trades_BTCUSDT", {"trade_id": 2}) == 1
        assert await adapter.update("trades_BTCUSDT", {}, {"quantity": trade().quantity}) == 0

        after = files(tmp_path)
        assert len(after) == 3 and len({*before} & {*after}) == 2
        assert [(each["trade_id"], each["price"]) for each in await stored(adapter, trade())] == [
            (0, trade().price),
            (1, Decimal(7)),
            (3, trade().price),
        ]


async def test_rows_of_one_millisecond_stay_in_order_when_their_files_are_written_together(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        for number in (5, 3, 9, 1):
            await put(adapter, trade(number))
        await adapter.update("trades_BTCUSDT", {}, {"price": 7})

        found = await adapter.find("trades_BTCUSDT", sort=[("timestamp", 1), ("_id", 1)])

        assert len(files(tmp_path)) == 1
        assert [document["trade_id"] for document in found] == [1, 3, 5, 9]


async def test_a_change_sees_the_newest_of_versions_in_many_files(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=NEVER) as adapter:
        for second in range(5):
            await put(adapter, candle(event_time=T0 + second * MS, volume=Decimal(second)))

        assert await adapter.delete("candles_BTCUSDT_1m", {"volume": {"$lt": 4}}) == 0
        assert await adapter.update("candles_BTCUSDT_1m", {"volume": 4}, {"event_time": None}) == 1
        assert [document["volume"] for document in await adapter.find("candles_BTCUSDT_1m")] == [4]
        assert await adapter.delete("candles_BTCUSDT_1m", {}) == 1
        assert await adapter.get_record_count("candles_BTCUSDT_1m") == 0


async def test_a_reader_asks_and_changes_nothing(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as writer:
        await put(writer, trade())
        await writer.replace("results", [{"_id": "1", "x": 1}])

    async with LocalAdapter(tmp_path, read_only=True) as reader:
        assert len(await reader.find("trades_BTCUSDT")) == 1
        assert await reader.find("results") == [{"_id": "1", "x": 1}]
        with pytest.raises(RejectedError):
            await reader.update("trades_BTCUSDT", {}, {"price": 1})
        with pytest.raises(RejectedError):
            await reader.delete("trades_BTCUSDT", {})
        with pytest.raises(RejectedError):
            await reader.delete("results", {})
        with pytest.raises(RejectedError):
            await reader.replace("results", [{"_id": "2"}], dry_run=True)


async def test_a_reader_of_a_store_without_free_documents_finds_none(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as writer:
        await put(writer, trade())
    (tmp_path / "documents.sqlite").unlink()

    async with LocalAdapter(tmp_path, read_only=True) as reader:
        assert await reader.find("results") == []


async def test_the_bytes_of_a_store_are_those_of_its_files(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        before = (await adapter.metrics()).data_bytes
        await put(adapter, *trades(1000))
        after = (await adapter.metrics()).data_bytes

    assert before is not None and after is not None
    assert after - before >= sum(file.stat().st_size for file in files(tmp_path))


async def test_a_store_may_hold_files_of_both_formats(tmp_path: Path) -> None:
    formats: list[FormatName] = ["json", "parquet", "json"]
    for number, format in enumerate(formats):
        async with LocalAdapter(tmp_path, sizes=NEVER, format=format) as adapter:
            await put(adapter, trade(number, timestamp=T0 + number * MS))

    assert sorted(file.suffix for file in files(tmp_path)) == [".parquet", ".zst", ".zst"]
    async with LocalAdapter(tmp_path) as adapter:
        assert [document["trade_id"] for document in await stored(adapter, trade())] == [0, 1, 2]
        await adapter.compact()
        assert [file.suffix for file in files(tmp_path)] == [".parquet"]
        assert len(await stored(adapter, trade())) == 3


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parquet, json"):
        get_adapter("local", str(tmp_path), format="csv")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("record", [*FULL.values(), *BARE.values()], ids=lambda record: type(record).__name__)
def test_each_format_gives_back_the_rows_that_it_took(tmp_path: Path, name: str, record: Any) -> None:
    table, format = TABLE_OF[type(record)], FORMATS[name]
    rows = encode(table, [record, record])
    path = tmp_path / f"rows{format.suffix}"
    path.write_bytes(memoryview(format.dump(table, rows)))

    assert format.load(path, table, rows.column_names, None).equals(rows)


async def test_json_lines_are_read_by_other_tools(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, format="json") as adapter:
        await put(adapter, trade(7, price=Decimal("0.000000000000000001")))

    text = zstandard.ZstdDecompressor().decompress(files(tmp_path)[0].read_bytes())

    assert json.loads(text) == {
        "_id": TRADES.key(trade(7)),
        "symbol": "BTCUSDT",
        "timestamp": "2024-05-17T12:00:00.001000Z",
        "trade_id": 7,
        "price": "1E-18",
        "quantity": "0.0051",
        "is_buyer_maker": False,
        "event_time": "2024-05-17T12:00:00.003000Z",
    }


@pytest.mark.parametrize("content", [b"", b"no zstd", zstandard.compress(b'{"_id": 1}\n'), zstandard.compress(b"{")])
async def test_json_lines_that_are_damaged_are_told(tmp_path: Path, content: bytes) -> None:
    async with LocalAdapter(tmp_path, format="json") as adapter:
        await put(adapter, trade())
    files(tmp_path)[0].write_bytes(content)

    async with LocalAdapter(tmp_path) as adapter:
        with pytest.raises(OperatorError, match="damaged"):
            await adapter.query_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY)


async def test_a_replacement_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        with pytest.raises(DatabaseError):
            await adapter.replace("results", [{"_id": "1"}, {"_id": "2", "x": object()}])
        assert await adapter.replace("results", [{"_id": "1"}]) == [Change.INSERTED]
