"""The metadata follows what the pipeline does: lineage rows, a closing row, and what a bus lost."""

import asyncio
from pathlib import Path

import pytest

from config import load
from consumer.lineage import LineageReport
from consumer.metadata import Metadata
from consumer.pipeline.tally import Fate, Tally
from consumer.sources.base import LostRange
from consumer.sources.memory import MemoryBus, MemorySource
from consumer.telemetry import events, metrics
from storage.adapters.memory import MemoryAdapter
from storage.auditing import verify
from storage.metadata import MetadataDatabase
from storage.metadata.rows import LineageTotals
from storage.repositories.audit import AuditRepository
from storage.repositories.catalog import CatalogRepository
from storage.repositories.lineage import LineageRepository
from storage.spool import LineageSpool
from storage.times import EPOCH, FOREVER
from tests.contracts.records import trade


class LosingSource(MemorySource):
    """A bus whose retention was shorter than our absence."""

    lost_ranges = (LostRange("trades/0", 3, 7),)


def counted() -> Tally:
    tally = Tally()
    counts = tally.of("trades_BTCUSDT", "trades", "kafka", "market/0")
    for offset in (10, 11, 12):
        counts.receive(1, offset, offset)
    counts.fates[Fate.STORED] += 2
    counts.fates[Fate.DUPLICATE] += 1
    return tally


async def followed(folder: Path, tally: Tally, *, url: str | None = None, slow_seconds: float = 1.0) -> None:
    told = {"LOCAL_PATH": str(folder), "MARKET": "spot", "SLOW_QUERY_SECONDS": str(slow_seconds)} | (
        {"METADATA_URL": url} if url else {}
    )
    report = LineageReport(tally, run_id="run1", market="spot", transformation="consume")
    metadata = Metadata(load(told), LosingSource(MemoryBus()), MemoryAdapter(), report, "run1")
    metadata.end()
    await asyncio.wait_for(metadata.follow(), 30)


def database(folder: Path) -> MetadataDatabase:
    return MetadataDatabase(f"sqlite+aiosqlite:///{folder / 'metadata.sqlite'}")


async def totals(folder: Path) -> list[LineageTotals]:
    async with database(folder) as opened:
        return await LineageRepository(opened).totals()


async def test_a_run_leaves_rows_that_add_up_and_a_registered_dataset(tmp_path: Path) -> None:
    await followed(tmp_path, counted())
    rows = await totals(tmp_path)
    assert [(row.dataset_id, row.received, row.stored, row.duplicate) for row in rows if not row.closed] == [
        ("spot.trades_BTCUSDT", 3, 2, 1)
    ]
    assert verify(rows) == []
    async with database(tmp_path) as opened:
        assert [each.category for each in await CatalogRepository(opened).get_all_datasets()] == ["trades"]


async def test_its_statements_are_measured_and_the_slow_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[tuple[object, ...]] = []
    monkeypatch.setattr(events, "slow_statement", lambda *told: named.append(told))
    metrics.configure_metrics()

    await followed(tmp_path, counted(), slow_seconds=1e-9)

    exposed = metrics.exposition().decode()
    assert 'tapestore_store_statement_duration_seconds_count{db_system_name="sqlite"' in exposed
    assert 'db_client_connection_wait_time_seconds_count{db_client_connection_pool_name="metadata"}' in exposed
    shapes = [str(shape) for _, operation, shape, _ in named if operation == "insert"]
    assert any(shape.startswith("INSERT INTO lineage_records") for shape in shapes)
    assert not any("trades_BTCUSDT" in shape for shape in shapes)


async def test_a_collection_that_an_earlier_process_left_unregistered_is_registered_at_the_start(
    tmp_path: Path,
) -> None:
    report = LineageReport(Tally(), run_id="run1", market="spot", transformation="consume")
    settings = load({"LOCAL_PATH": str(tmp_path), "MARKET": "spot"})
    async with MemoryAdapter() as store:
        await store.write([trade()], "trades_BTCUSDT")
        metadata = Metadata(settings, MemorySource(MemoryBus()), store, report, "run1")
        metadata.end()
        await metadata.follow()
    async with database(tmp_path) as opened:
        assert [each.dataset_id for each in await CatalogRepository(opened).get_all_datasets()] == [
            "spot.trades_BTCUSDT"
        ]


async def test_a_partition_with_a_name_that_fits_nowhere_has_rows_too(tmp_path: Path) -> None:
    tally = counted()
    for name in ("one", "other"):
        tally.of("trades_BTCUSDT", "trades", "file", f"/{name}/{'long/' * 100}tape.jsonl").receive(1, 1, 1)
    await followed(tmp_path, tally)
    async with database(tmp_path) as opened:
        rows = await LineageRepository(opened).get_range("spot.trades_BTCUSDT", EPOCH, FOREVER)
    names = {row.source_dataset_id or "" for row in rows}
    assert len(names) == 3
    assert all(name.endswith(("market/0", "/tape.jsonl")) and len(name) <= 255 for name in names)


async def test_numbers_that_do_not_add_up_are_found(tmp_path: Path) -> None:
    tally = counted()
    next(iter(tally)).fates[Fate.STORED] -= 1
    await followed(tmp_path, tally)
    (finding,) = verify(await totals(tmp_path))
    assert finding.failure
    assert finding.difference == 1


async def test_what_a_bus_lost_is_one_audit_row_however_often_it_is_told(tmp_path: Path) -> None:
    await followed(tmp_path, Tally())
    await followed(tmp_path, Tally())
    async with database(tmp_path) as opened:
        (row,) = await AuditRepository(opened).get_recent_logs()
    assert (row.dataset_id, row.audit_type, row.severity) == ("memory:trades/0", "offsets_out_of_retention", "critical")
    assert row.details == {"first": 3, "until": 7, "messages": 4}


async def test_while_sql_is_down_the_rows_wait_on_disk_and_the_next_run_delivers_them(tmp_path: Path) -> None:
    await followed(tmp_path, counted(), url="postgresql://nobody:secret@127.0.0.1:1/none")
    assert list((tmp_path / "spool").iterdir())
    report = LineageReport(Tally(), run_id="run2", market="spot", transformation="consume")
    metadata = Metadata(load({"LOCAL_PATH": str(tmp_path)}), MemorySource(MemoryBus()), MemoryAdapter(), report, "run2")
    metadata.end()
    await metadata.follow()
    assert {row.run_id for row in await totals(tmp_path)} == {"run1", "run2"}
    assert verify(await totals(tmp_path)) == []


async def test_of_many_rows_none_is_lost_when_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.metadata.FAREWELL_SECONDS", 0.0)
    tally = Tally()
    for partition in range(1200):
        tally.of("trades_BTCUSDT", "trades", "kafka", f"market/{partition}").receive(1, 1, 1)

    await followed(tmp_path, tally)

    leftover = LineageSpool(tmp_path / "spool", "run2").next_leftover()
    assert leftover is not None
    rows = leftover.read().pending
    leftover.release()
    assert (len(rows), rows[-1].status, rows[-1].received) == (1201, "closed", 1200)


async def test_messages_have_their_turn_while_many_rows_are_taken(tmp_path: Path) -> None:
    tally = Tally()
    for partition in range(1200):
        tally.of("trades_BTCUSDT", "trades", "kafka", f"market/{partition}").receive(1, 1, 1)
    report = LineageReport(tally, run_id="run1", market="spot", transformation="consume")
    metadata = Metadata(load({"LOCAL_PATH": str(tmp_path)}), MemorySource(MemoryBus()), MemoryAdapter(), report, "run1")
    metadata.end()
    following = asyncio.create_task(metadata.follow())
    seen = set()
    while not following.done():
        seen.add(metadata.waiting_rows)
        await asyncio.sleep(0)
    await following

    assert {500, 1000} <= seen
