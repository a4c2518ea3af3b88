"""The lineage writer on SQLite: straight, by way of the spool, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from storage import DatabaseError, IncompatibleSchema, OperatorError, RejectedError, UnavailableError
from storage.metadata import LineageRow, MetadataDatabase
from storage.migrations import upgrade
from storage.repositories.catalog import CatalogRepository, dataset_of
from storage.repositories.lineage import LineageRepository
from storage.spool import CorruptSpool, LineageSpool, LineageWriter, SpoolError, Waiting
from storage.spool.files import decode
from tests.contracts.rows import CANDLES, NOON, TRADES, lineage, lineage_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/metadata.sqlite"


@pytest.fixture
async def database(url: str) -> AsyncIterator[MetadataDatabase]:
    """A database without tables: to a writer it is down until somebody migrates."""
    async with MetadataDatabase(url) as database:
        yield database


class UnsureLineage(LineageRepository):
    """Stores what it is given, and then the answer is lost."""

    answers = False

    async def insert(self, rows: Sequence[LineageRow]) -> int:
        new = await super().insert(rows)
        if not self.answers:
            raise UnavailableError("the answer was lost")
        return new


class StuckLineage(LineageRepository):
    """A database that does not answer until it is set free."""

    def __init__(self, database: MetadataDatabase) -> None:
        super().__init__(database)
        self.reached, self.free = asyncio.Event(), asyncio.Event()

    async def insert(self, rows: Sequence[LineageRow]) -> int:
        self.reached.set()
        await self.free.wait()
        return await super().insert(rows)


def writer(
    database: MetadataDatabase,
    folder: Path,
    run_id: str = "run-1",
    lineage: LineageRepository | None = None,
    catalog: CatalogRepository | None = None,
) -> LineageWriter:
    return LineageWriter(
        catalog or CatalogRepository(database),
        lineage or LineageRepository(database),
        LineageSpool(folder / "spool", run_id),
        storage_type="mongodb",
        clock=lambda: NOON,
    )


def errors_of(writer: LineageWriter) -> tuple[DatabaseError | None, SpoolError | None]:
    return writer.last_error, writer.spool_error


async def test_rows_and_their_datasets_are_written(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    await upgrade(url)
    rows = [lineage("a"), lineage("b", dataset_id=CANDLES), lineage("c", dataset_id="binance-spot.undecodable")]
    closing = lineage("d", dataset_id="binance-spot", transformation="run", status="closed")

    delivered = await writer(database, tmp_path).write([*rows, closing])

    found = await CatalogRepository(database).get_all_datasets()
    assert delivered == 4
    assert [(one.dataset_id, one.name, one.category, one.storage_type) for one in found] == [
        (CANDLES, "candles_BTCUSDT_1m", "candles", "mongodb"),
        (TRADES, "trades_BTCUSDT", "trades", "mongodb"),
        ("binance-spot.undecodable", "undecodable", "other", "mongodb"),
    ]
    assert not (tmp_path / "spool").exists()


async def test_what_the_database_does_not_take_waits_on_disk(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    spooling = writer(database, tmp_path)

    delivered = [await spooling.write([lineage(name)]) for name in "abc"]

    assert delivered == [0, 0, 0]
    assert isinstance(spooling.last_error, OperatorError)
    assert spooling.waiting_rows == 2

    await upgrade(url)
    assert await spooling.flush() == 2

    rows = await lineage_of(database)
    assert [(row.lineage_id, row.received) for row in rows] == [("a", 10), ("b", 20)]
    assert errors_of(spooling) == (None, None)
    assert spooling.waiting_rows == 0
    await spooling.close()
    assert list((tmp_path / "spool").iterdir()) == []


async def test_what_a_dead_run_left_goes_first(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    dead = writer(database, tmp_path, "dead")
    for name in "abc":
        await dead.write([lineage(name, run_id="dead")])
    await dead.close()

    after = writer(database, tmp_path, "run-2")
    await after.write([lineage("d", run_id="run-2")])
    assert after.waiting_rows == 1
    await upgrade(url)

    assert await after.flush() == 3
    totals = {total.run_id: total.received for total in await LineageRepository(database).totals()}
    assert totals == {"dead": 30, "run-2": 10}
    assert {one.dataset_id for one in await CatalogRepository(database).get_all_datasets()} == {TRADES}
    await after.close()
    assert list((tmp_path / "spool").iterdir()) == []


async def test_rows_whose_answer_was_lost_are_written_once(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    await upgrade(url)
    unsure = UnsureLineage(database)
    resending = writer(database, tmp_path, lineage=unsure)
    for name in "abc":
        await resending.write([lineage(name)])
    unsure.answers = True

    await resending.close()

    assert sum(row.received for row in await lineage_of(database)) == 30


async def test_a_damaged_leftover_holds_nobody_up(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    await upgrade(url)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "lineage-dead.json").write_bytes(b"{")
    after = writer(database, tmp_path, "run-2")

    assert await after.write([lineage()]) == 1
    assert isinstance(after.spool_error, CorruptSpool)
    await after.flush()

    assert errors_of(after) == (None, None)
    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["lineage-dead.corrupt"]


async def test_a_leftover_that_can_never_be_stored_is_set_aside(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    await upgrade(url)
    dead = LineageSpool(tmp_path / "spool", "dead")
    dead.waiting = Waiting().add([lineage(dataset_id="m." + "x" * 200)])
    dead.save()
    dead.close()
    after = writer(database, tmp_path, "run-2")

    assert await after.write([lineage()]) == 1

    assert isinstance(after.spool_error, CorruptSpool) and "dataset_id" in str(after.spool_error)


async def test_the_rows_of_an_old_version_wait_while_a_newer_one_has_the_schema(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    await upgrade(url)
    newer = dataset_of(TRADES, "mongodb", NOON)
    await CatalogRepository(database).upsert_dataset(msgspec.structs.replace(newer, schema_id="trades/9"))
    old = writer(database, tmp_path)

    assert await old.write([lineage("a")]) == 0

    assert "registered by a newer tapestore" in str(old.last_error)
    assert old.spool_error is None
    assert old.waiting_rows == 1
    await old.close()
    assert [file.name for file in (tmp_path / "spool").glob("*.json")] == ["lineage-run-1.json"]


async def test_what_an_old_version_left_is_not_set_aside_and_goes_when_it_may(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    await upgrade(url)
    newer = dataset_of(TRADES, "mongodb", NOON)
    await CatalogRepository(database).upsert_dataset(msgspec.structs.replace(newer, schema_id="trades/9"))
    old = writer(database, tmp_path, "old")
    await old.write([lineage("a")])
    await old.close()

    also_old = writer(database, tmp_path, "also-old")
    assert await also_old.write([lineage("b")]) == 0
    assert isinstance(also_old.last_error, IncompatibleSchema)
    assert also_old.spool_error is None
    await also_old.close()

    allowing = CatalogRepository(database, compatibility="none")
    async with writer(database, tmp_path, "allowing", catalog=allowing) as free:
        assert await free.flush() == 2


async def test_a_row_that_can_never_be_stored_is_refused_at_once(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    await upgrade(url)
    careful = writer(database, tmp_path)

    with pytest.raises(RejectedError, match="dataset_id"):
        await careful.write([lineage("a"), lineage("b", dataset_id="x" * 129)])

    assert careful.waiting_rows == 0


async def test_a_flush_that_is_cancelled_saves_what_waits(database: MetadataDatabase, tmp_path: Path) -> None:
    stuck = StuckLineage(database)
    hanging = writer(database, tmp_path, lineage=stuck)
    await upgrade(database.url.render_as_string(hide_password=False))
    closing = asyncio.create_task(hanging.write([lineage("a")]))
    await stuck.reached.wait()

    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    saved = (tmp_path / "spool" / "lineage-run-1.json").read_bytes()
    assert decode(saved) == Waiting(frozen=(lineage("a"),))
    stuck.free.set()
    await hanging.close()
    assert await lineage_of(database) == [lineage("a")]


async def test_without_database_and_disk_the_rows_wait_in_memory(
    database: MetadataDatabase, url: str, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    remembering = writer(database, tmp_path)

    await remembering.write([lineage("a")])
    assert isinstance(remembering.spool_error, SpoolError)
    await upgrade(url)
    await remembering.flush()

    assert await lineage_of(database) == [lineage("a")]


async def test_writes_at_once_do_not_disturb_each_other(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    await upgrade(url)
    busy = writer(database, tmp_path)

    await asyncio.gather(*(busy.write([lineage(f"row-{n}")]) for n in range(20)))

    assert sum(row.received for row in await lineage_of(database)) == 200


async def test_a_write_that_is_cancelled_loses_nothing(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    await upgrade(url)
    patient = writer(database, tmp_path)
    writing = asyncio.create_task(patient.write([lineage("a")]))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    await patient.close()

    assert await lineage_of(database) == [lineage("a")]


async def test_what_is_taken_waits_for_the_next_flush(database: MetadataDatabase, url: str, tmp_path: Path) -> None:
    await upgrade(url)
    patient = writer(database, tmp_path)
    patient.take([lineage("a")])
    with pytest.raises(RejectedError, match="dataset_id"):
        patient.take([lineage("b"), lineage("c", dataset_id="x" * 129)])
    patient.take([lineage("d")])
    assert patient.waiting_rows == 2

    await patient.close()

    assert patient.waiting_rows == 0
    assert [(row.lineage_id, row.received) for row in await lineage_of(database)] == [("a", 20)]
