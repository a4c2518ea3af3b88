"""What only the local store does: one writer, readers beside it, files that are merged, leftovers that are swept."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from storage import TABLES, OperatorError, Outcome, RejectedError, UnavailableError
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.adapters.local import Compaction, LocalAdapter, Sizes
from storage.outcomes import DUPLICATE, STALE, STORED
from tests.contracts.letters import conflict, conflicts, letter, letters
from tests.contracts.records import FULL, MS, T0, candle, trade, trades
from tests.contracts.writing import FIRST_DAY, LAST_DAY, outcomes, put, stored

MINUTE = timedelta(minutes=1)
EAGER = Sizes(small_files=4)
TOP = FULL["book_tickers"]


def files(base: Path, collection: str = "trades_BTCUSDT") -> list[Path]:
    return sorted((base / "market" / collection).iterdir())


async def trade_ids(adapter: BaseAdapter) -> list[int]:
    return [document["trade_id"] for document in await stored(adapter, trade())]


async def test_the_factory_makes_one_from_a_folder(tmp_path: Path) -> None:
    async with get_adapter("local", str(tmp_path), max_collections=1, read_only=False) as adapter:
        assert await put(adapter, trade()) == [STORED]


async def test_a_second_writer_is_turned_away_until_the_first_has_gone(tmp_path: Path) -> None:
    first, second = LocalAdapter(tmp_path), LocalAdapter(tmp_path)
    await first.connect()

    with pytest.raises(OperatorError, match=r"process \d+ already writes") as caught:
        await second.connect()
    await first.disconnect()
    await second.connect()

    assert "LOCAL_PATH" in caught.value.fix
    await second.disconnect()


async def test_a_reader_sees_what_the_writer_has_put(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=EAGER) as writer, LocalAdapter(tmp_path, read_only=True) as reader:
        for number in range(10):
            await put(writer, trade(number))
            assert await trade_ids(reader) == list(range(number + 1))
        await writer.dead_letters.put([letter()])

        assert await letters(reader) == [letter()]
        assert await reader.list_collections() == ["trades_BTCUSDT"]
        assert await reader.get_record_count("trades_BTCUSDT") == 10


async def test_a_reader_changes_no_market_data(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as writer:
        await put(writer, trade())

    async with LocalAdapter(tmp_path, read_only=True) as reader:
        with pytest.raises(RejectedError):
            await put(reader, trade(2))
        with pytest.raises(RejectedError):
            await reader.delete_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY)
        with pytest.raises(RejectedError):
            await reader.compact()

        assert await trade_ids(reader) == [1]


async def test_a_reader_of_nothing_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no store"):
        await LocalAdapter(tmp_path / "empty", read_only=True).connect()

    assert not (tmp_path / "empty").exists()


async def test_a_range_that_is_being_read_survives_the_merge_of_its_files(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as writer, LocalAdapter(tmp_path, read_only=True) as reader:
        for number in range(6):
            await put(writer, trade(number, timestamp=T0 + number * MS))
        rows = aiter(reader.query_range("trades_BTCUSDT", FIRST_DAY, LAST_DAY))
        seen = [(await anext(rows))["trade_id"]]

        await writer.compact()
        await writer.delete_range("trades_BTCUSDT", T0 + 4 * MS, T0 + 5 * MS)

        assert seen + [document["trade_id"] async for document in rows] == [0, 1, 2, 3, 5]


async def test_a_late_duplicate_of_any_age_is_told(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=EAGER) as adapter:
        for start in range(0, 1000, 50):
            await put(adapter, *trades(start + 50)[start:])
        await adapter.compact()
        await adapter.disconnect()
        await adapter.connect()

        fates = await outcomes(
            adapter, trade(3, timestamp=T0 + 3 * MS), trade(7, timestamp=T0 + 7 * MS, price=Decimal(1)), trade(-1)
        )

        assert fates == [Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.STORED]
        assert await put(adapter, *trades(1000)) == [DUPLICATE] * 1000


async def test_a_large_file_is_read_in_part(tmp_path: Path) -> None:
    table, tops = TABLES["book_tickers"], [replace(TOP, update_id=id, timestamp=T0 + id * MS) for id in range(40_000)]
    async with LocalAdapter(tmp_path) as adapter:
        assert await put(adapter, *tops) == [STORED] * 40_000
        (file,) = files(tmp_path, "book_tickers_BTCUSDT")
        assert pq.read_metadata(file).num_row_groups == 3

        found = await adapter.query_range("book_tickers_BTCUSDT", T0 + 20_000 * MS, T0 + 20_003 * MS)

        assert found == [table.to_document(top) for top in tops[20_000:20_003]]
        assert await adapter.get_record_count("book_tickers_BTCUSDT", T0 + 39_999 * MS) == 1
        assert await put(adapter, *tops[17_000:17_100]) == [DUPLICATE] * 100
        assert await adapter.delete_range("book_tickers_BTCUSDT", T0 + 10 * MS, T0 + 39_990 * MS) == 39_980
        assert await adapter.get_record_count("book_tickers_BTCUSDT") == 20


async def test_small_files_are_taken_in_by_a_later_batch(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=EAGER) as adapter:
        for number in range(4):
            await put(adapter, trade(number))
        assert len(files(tmp_path)) == 4

        await put(adapter, trade(4))

        assert len(files(tmp_path)) == 1
        assert await trade_ids(adapter) == [0, 1, 2, 3, 4]


async def test_updates_of_one_candle_stay_in_one_file(tmp_path: Path) -> None:
    updates = [candle(event_time=T0 + number * MS, volume=Decimal(number)) for number in range(1, 30)]
    async with LocalAdapter(tmp_path) as adapter:
        for update in updates:
            assert await put(adapter, update) == [STORED]

        assert await put(adapter, updates[3]) == [STALE]
        assert len(files(tmp_path, "candles_BTCUSDT_1m")) == 1
        assert [document["volume"] for document in await stored(adapter, updates[0])] == [29]


async def test_compaction_leaves_few_files_without_old_versions(tmp_path: Path) -> None:
    never = Sizes(absorbed_bytes=0, small_files=1000)
    async with LocalAdapter(tmp_path, sizes=never) as adapter:
        for number in range(1, 6):
            open_at = [candle(timestamp=T0 + minute * MINUTE, event_time=T0 + number * MS) for minute in range(3)]
            await put(adapter, *open_at)
            await put(adapter, trade(number))
        before = await stored(adapter, candle())

        assert await adapter.compact("candles_BTCUSDT_1m") == Compaction(5, 1, 3, 12)
        assert await adapter.compact() == Compaction(5, 1, 5, 0)
        assert await adapter.compact() == Compaction()

        assert await stored(adapter, candle()) == before
        assert await adapter.get_record_count("candles_BTCUSDT_1m") == 3
        assert len(files(tmp_path, "candles_BTCUSDT_1m")) == len(files(tmp_path)) == 1


async def test_a_compacted_file_is_in_the_order_of_time(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await put(adapter, *trades(100)[::2])
        await put(adapter, *trades(100)[1::2])
        await adapter.compact()

    (file,) = files(tmp_path)
    assert pq.read_table(file).column("trade_id").to_pylist() == list(range(100))


async def test_batches_may_come_while_files_are_merged(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path, sizes=EAGER) as adapter:
        await put(adapter, *trades(20))
        puts = [put(adapter, trade(100 + number)) for number in range(40)]

        await asyncio.gather(*puts, adapter.compact(), adapter.compact("trades_BTCUSDT"))

        assert sorted(await trade_ids(adapter)) == [*range(20), *range(100, 140)]


async def test_what_a_crash_left_behind_is_swept_and_nothing_else(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await put(adapter, trade())
    (file,) = files(tmp_path)
    file.with_name(f"1-{'0' * 32}.parquet").write_bytes(file.read_bytes())
    file.with_name(f"1-{'1' * 32}.parquet.tmp").write_bytes(b"half")
    file.with_name("notes.txt").write_text("mine")

    async with LocalAdapter(tmp_path) as adapter:
        assert await trade_ids(adapter) == [1]

    assert [path.name for path in files(tmp_path)] == [file.name, "notes.txt"]


async def test_files_without_a_manifest_are_never_swept(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await put(adapter, trade())
    (tmp_path / "manifest.sqlite").unlink()

    with pytest.raises(OperatorError, match="no manifest") as caught:
        await LocalAdapter(tmp_path).connect()

    assert "backup" in caught.value.fix
    assert len(files(tmp_path)) == 1


async def test_a_missing_file_is_told_and_not_left_out(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await put(adapter, trade())
    (file,) = files(tmp_path)
    file.unlink()

    async with LocalAdapter(tmp_path) as adapter:
        with pytest.raises(OperatorError, match=f"{file.name} is damaged: the file is missing"):
            await stored(adapter, trade())
        with pytest.raises(OperatorError, match="missing"):
            await adapter.query_latest("trades_BTCUSDT")
        with pytest.raises(OperatorError, match="missing"):
            await put(adapter, trade())


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await put(adapter, *trades(100))
    (file,) = files(tmp_path)
    prices = pq.read_metadata(file).row_group(0).column(4)
    data = bytearray(file.read_bytes())
    data[prices.dictionary_page_offset + prices.total_compressed_size - 1] ^= 1
    file.write_bytes(data)

    async with LocalAdapter(tmp_path) as adapter:
        with pytest.raises(OperatorError, match=f"{file.name} is damaged"):
            await stored(adapter, trade())


async def test_a_manifest_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "manifest.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(OperatorError, match="newer release"):
        await LocalAdapter(tmp_path).connect()


async def test_a_path_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OperatorError) as caught:
        await LocalAdapter(tmp_path / "file").connect()

    assert "LOCAL_PATH" in caught.value.fix


async def test_after_a_failed_connect_the_lock_is_free(tmp_path: Path) -> None:
    (tmp_path / "letters.sqlite").mkdir(parents=True)
    with pytest.raises(UnavailableError):
        await LocalAdapter(tmp_path).connect()
    (tmp_path / "letters.sqlite").rmdir()

    async with LocalAdapter(tmp_path) as adapter:
        assert await put(adapter, trade()) == [STORED]


async def test_a_put_that_was_cancelled_still_ends_before_the_store_is_let_go(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        writing = asyncio.create_task(put(adapter, *trades(5000)))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    async with LocalAdapter(tmp_path) as adapter:
        assert await adapter.get_record_count("trades_BTCUSDT") in (0, 5000)
        assert not [path for path in (tmp_path / "market").rglob("*") if path.name.endswith(".tmp")]


async def test_many_letters_come_in_pages_while_some_are_deleted(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await adapter.dead_letters.put([letter(number) for number in range(50)])
        await adapter.conflicts.put([conflict(number) for number in range(50)])
        seen: list[str] = []

        async for found in adapter.dead_letters.find(limit=40):
            seen.append(found.position)
            await adapter.dead_letters.delete([found.id])

        assert seen == [f"MARKET/{number}" for number in range(40)]
        assert len(await letters(adapter)) == 10
        assert len(await conflicts(adapter)) == 50


async def test_an_error_that_is_no_unicode_is_kept_readable(tmp_path: Path) -> None:
    async with LocalAdapter(tmp_path) as adapter:
        await adapter.dead_letters.put([letter(error="symbol \ud800")])

        (found,) = await letters(adapter)
        assert found.error == "symbol \\ud800"
