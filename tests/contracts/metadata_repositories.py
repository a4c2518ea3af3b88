"""The repositories of the metadata, one contract each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage import RejectedError
from storage.metadata import MetadataDatabase
from storage.repositories.audit import AuditRepository
from storage.repositories.backfill import BackfillRepository
from storage.repositories.catalog import CatalogRepository, dataset_id
from storage.repositories.health import HealthRepository
from storage.repositories.lineage import LineageRepository
from storage.schemas import Mode, get_schema
from tests.contracts.metadata_fixtures import OnMetadata
from tests.contracts.rows import CANDLES, NOON, TRADES, dataset, health, job, lineage, lineage_of
from tests.contracts.schemas import next_trades, published_in

SECOND = timedelta(seconds=1)
MODES_THAT_REFUSE_A_FIELD_MORE: tuple[Mode, ...] = ("forward", "full")


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is read."""
    times = iter(NOON + n * SECOND for n in range(1000))
    return lambda: next(times)


class CatalogContract(OnMetadata):
    async def test_a_dataset_is_registered_once(self, database: MetadataDatabase) -> None:
        catalog = CatalogRepository(database)

        await catalog.upsert_dataset(dataset())
        await catalog.upsert_dataset(dataset(name="other", created_at=NOON + SECOND, updated_at=NOON + SECOND))

        assert await catalog.get_all_datasets() == [dataset(name="other", updated_at=NOON + SECOND)]

    async def test_what_is_not_given_wipes_nothing(self, database: MetadataDatabase) -> None:
        catalog = CatalogRepository(database)
        await catalog.upsert_dataset(dataset(description="all trades", owner="desk 7"))

        await catalog.upsert_dataset(dataset(owner="desk 8"))

        assert await catalog.get_dataset(TRADES) == dataset(description="all trades", owner="desk 8")

    async def test_an_unknown_dataset_is_none(self, database: MetadataDatabase) -> None:
        assert await CatalogRepository(database).get_dataset("m.nothing") is None

    async def test_datasets_of_a_category(self, database: MetadataDatabase) -> None:
        catalog = CatalogRepository(database)
        candles = dataset(dataset_id=dataset_id("binance-spot", "candles_BTCUSDT_1m"), category="candles")

        await catalog.upsert_datasets([dataset(), candles])

        assert await catalog.get_all_datasets("candles") == [candles]
        assert candles.dataset_id == CANDLES

    async def test_writers_of_the_same_datasets_do_not_disturb_each_other(self, database: MetadataDatabase) -> None:
        catalog = CatalogRepository(database)
        rows = [dataset(dataset_id=f"m.trades_S{n}") for n in range(50)]

        await asyncio.gather(*(catalog.upsert_datasets(rows[::step]) for step in (1, -1, 1, -1)))

        assert len(await catalog.get_all_datasets()) == 50

    async def test_a_compatible_schema_follows(self, database: MetadataDatabase, tmp_path: Path) -> None:
        catalog = CatalogRepository(
            database, schemas=published_in(tmp_path / "published", get_schema("trades"), next_trades())
        )
        await catalog.upsert_dataset(dataset(schema_id="trades/1", owner="desk 7"))

        await catalog.upsert_dataset(dataset(schema_id="trades/2"))
        await catalog.upsert_dataset(dataset())

        assert await catalog.get_dataset(TRADES) == dataset(schema_id="trades/2", owner="desk 7")

    async def test_an_incompatible_schema_is_refused_and_nothing_of_the_call_is_written(
        self, database: MetadataDatabase, tmp_path: Path
    ) -> None:
        newer = published_in(tmp_path / "published", get_schema("trades"), next_trades(is_required=True))
        catalog = CatalogRepository(database, schemas=newer)
        await catalog.upsert_dataset(dataset(schema_id="trades/1"))

        with pytest.raises(RejectedError) as caught:
            await catalog.upsert_datasets([dataset(schema_id="trades/2", name="other"), dataset(dataset_id=CANDLES)])

        assert f"dataset {TRADES}: trades/2 may not follow trades/1 (backward): trades/2 requires more" in str(
            caught.value
        )
        assert await catalog.get_all_datasets() == [dataset(schema_id="trades/1")]

    async def test_the_mode_says_which_changes_are_refused(self, database: MetadataDatabase, tmp_path: Path) -> None:
        newer = published_in(tmp_path / "published", get_schema("trades"), next_trades())
        await CatalogRepository(database).upsert_dataset(dataset(schema_id="trades/1"))

        for mode in MODES_THAT_REFUSE_A_FIELD_MORE:
            with pytest.raises(RejectedError, match=rf"\({mode}\): trades/1 has no more"):
                await CatalogRepository(database, compatibility=mode, schemas=newer).upsert_dataset(
                    dataset(schema_id="trades/2")
                )
        await CatalogRepository(database, compatibility="none").upsert_dataset(dataset(schema_id="trades/9"))

        assert await CatalogRepository(database).get_dataset(TRADES) == dataset(schema_id="trades/9")

    async def test_the_schema_of_a_newer_version_is_left_alone(self, database: MetadataDatabase) -> None:
        catalog = CatalogRepository(database)
        await catalog.upsert_dataset(dataset(schema_id="trades/9"))

        with pytest.raises(RejectedError, match=f"dataset {TRADES}: .*registered by a newer tapestore"):
            await catalog.upsert_dataset(dataset(schema_id="trades/1"))

        assert await catalog.get_dataset(TRADES) == dataset(schema_id="trades/9")

    async def test_of_two_versions_that_come_at_once_the_newer_one_stays(
        self, database: MetadataDatabase, tmp_path: Path
    ) -> None:
        new = CatalogRepository(
            database, schemas=published_in(tmp_path / "published", get_schema("trades"), next_trades())
        )
        old = CatalogRepository(database)
        ids = [f"m.trades_S{n}" for n in range(20)]
        await old.upsert_datasets([dataset(dataset_id=id, schema_id="trades/1") for id in ids])

        await asyncio.gather(
            *(new.upsert_dataset(dataset(dataset_id=id, schema_id="trades/2")) for id in ids),
            *(old.upsert_dataset(dataset(dataset_id=id, schema_id="trades/1")) for id in ids),
            return_exceptions=True,
        )

        assert {found.schema_id for found in await old.get_all_datasets()} == {"trades/2"}


class AuditContract(OnMetadata):
    async def test_the_same_finding_is_one_row(self, database: MetadataDatabase) -> None:
        audit = AuditRepository(database, ticking())

        found = [await audit.log_gap(TRADES, "BTCUSDT", NOON, NOON + SECOND) for _ in range(3)]

        (row,) = await audit.get_recent_logs()
        assert found == [True, False, False]
        assert (row.audit_type, row.severity, row.timestamp) == ("gap", "medium", NOON)
        assert row.details["duration_seconds"] == 1.0

    async def test_another_range_symbol_or_dataset_is_another_finding(self, database: MetadataDatabase) -> None:
        audit = AuditRepository(database)

        await audit.log_gap(TRADES, "BTCUSDT", NOON, NOON + SECOND)
        await audit.log_gap(TRADES, "BTCUSDT", NOON, NOON + 2 * SECOND)
        await audit.log_gap(TRADES, "ETHUSDT", NOON, NOON + SECOND)
        await audit.log_gap(CANDLES, "BTCUSDT", NOON, NOON + SECOND)

        assert len(await audit.get_recent_logs()) == 4
        assert len(await audit.get_recent_logs(TRADES)) == 3

    async def test_details_in_another_order_are_the_same_finding(self, database: MetadataDatabase) -> None:
        audit = AuditRepository(database)

        first = await audit.log_finding("kafka:market-data/3", "retention", "high", {"from": 1, "to": 9})
        again = await audit.log_finding("kafka:market-data/3", "retention", "high", {"to": 9, "from": 1})

        (row,) = await audit.get_recent_logs()
        assert (first, again, row.symbol) == (True, False, None)

    async def test_each_health_check_is_a_row(self, database: MetadataDatabase) -> None:
        audit = AuditRepository(database, ticking())

        for _ in range(2):
            await audit.log_health_check(TRADES, "BTCUSDT", {"fresh": True})

        assert len(await audit.get_recent_logs()) == 2

    async def test_recent_logs_are_newest_first(self, database: MetadataDatabase) -> None:
        audit = AuditRepository(database, ticking())
        for n in range(5):
            await audit.log_finding(TRADES, "duplicate", "low", {"n": n})

        assert [row.details["n"] for row in await audit.get_recent_logs(limit=3)] == [4, 3, 2]

    async def test_a_severity_that_there_is_not_is_refused(self, database: MetadataDatabase) -> None:
        with pytest.raises(RejectedError, match="severity"):
            await AuditRepository(database).log_finding(TRADES, "gap", "bad", {})  # type: ignore[arg-type] # the point


class HealthContract(OnMetadata):
    async def test_the_newest_metrics_count(self, database: MetadataDatabase) -> None:
        repository = HealthRepository(database)
        for n, gaps in enumerate((3, 2, 1)):
            await repository.insert(TRADES, "BTCUSDT", health(gaps_count=gaps), NOON + n * SECOND)

        newest = await repository.get_latest_health(TRADES, "BTCUSDT")

        assert newest is not None and (newest.gaps_count, newest.timestamp) == (1, NOON + 2 * SECOND)
        assert newest.freshness_seconds is None
        assert await repository.get_latest_health(TRADES, "ETHUSDT") is None

    async def test_metrics_of_one_time_are_one_row(self, database: MetadataDatabase) -> None:
        repository = HealthRepository(database)

        assert await repository.insert(TRADES, "BTCUSDT", health(), NOON)
        assert not await repository.insert(TRADES, "BTCUSDT", health(), NOON)


class BackfillContract(OnMetadata):
    async def test_a_job_is_created_once(self, database: MetadataDatabase) -> None:
        jobs = BackfillRepository(database)

        assert await jobs.create_job(job())
        assert not await jobs.create_job(job(symbol="ETHUSDT"))

        assert await jobs.get_job("job-1") == job()
        assert await jobs.get_job("job-2") is None

    async def test_a_job_starts_once_and_ends(self, database: MetadataDatabase) -> None:
        jobs = BackfillRepository(database, ticking())
        await jobs.create_job(job())

        for status in ("running", "pending", "running", "completed"):
            assert await jobs.update_status("job-1", status)

        done = await jobs.get_job("job-1")
        assert done is not None and done.status == "completed"
        assert (done.started_at, done.completed_at) == (NOON, NOON + 3 * SECOND)

    async def test_a_long_error_is_cut(self, database: MetadataDatabase) -> None:
        jobs = BackfillRepository(database)
        await jobs.create_job(job())

        await jobs.update_status("job-1", "failed", "\0" + "é" * 100_000)

        failed = await jobs.get_job("job-1")
        assert failed is not None and failed.error == "é" * 16_000

    async def test_a_job_that_there_is_not_is_not_updated(self, database: MetadataDatabase) -> None:
        assert not await BackfillRepository(database).update_status("job-9", "failed")

    async def test_a_status_that_there_is_not_is_refused(self, database: MetadataDatabase) -> None:
        with pytest.raises(RejectedError, match="status"):
            await BackfillRepository(database).update_status("job-1", "done")  # type: ignore[arg-type] # the point

    async def test_jobs_are_listed_newest_first(self, database: MetadataDatabase) -> None:
        jobs = BackfillRepository(database)
        for n in range(3):
            await jobs.create_job(job(job_id=f"job-{n}", created_at=NOON + n * SECOND))
        await jobs.update_status("job-1", "running")

        assert [found.job_id for found in await jobs.list_jobs()] == ["job-2", "job-1", "job-0"]
        assert [found.job_id for found in await jobs.list_jobs("pending", limit=1)] == ["job-2"]


class LineageContract(OnMetadata):
    async def test_a_row_comes_back(self, database: MetadataDatabase) -> None:
        row = lineage(dead_lettered=1, in_flight=2, status="closed", parameters={"first": "7", "last": "9", "at": [1]})

        await LineageRepository(database).insert([row])

        assert await lineage_of(database) == [row]

    async def test_what_is_not_known_of_a_row_stays_unknown(self, database: MetadataDatabase) -> None:
        row = lineage(source_dataset_id=None, trace_id=None, parameters={})

        await LineageRepository(database).insert([row])

        assert await lineage_of(database) == [row]

    async def test_one_row_of_many_that_cannot_be_stored_keeps_all_out(self, database: MetadataDatabase) -> None:
        rows = [lineage(f"row-{n:04}") for n in range(1200)]

        with pytest.raises(RejectedError, match="trace_id"):
            await LineageRepository(database).insert([*rows, lineage("the last", trace_id="x" * 33)])

        assert await lineage_of(database) == []

    async def test_a_row_that_is_sent_again_is_ignored(self, database: MetadataDatabase) -> None:
        repository = LineageRepository(database)

        first = await repository.insert([lineage("a"), lineage("b")])
        again = await repository.insert([lineage("b", received=99), lineage("c"), lineage("a")])

        assert (first, again) == (2, 1)
        assert [(row.lineage_id, row.received) for row in await lineage_of(database)] == [
            ("a", 10),
            ("b", 10),
            ("c", 10),
        ]

    async def test_no_rows_are_no_work(self, database: MetadataDatabase) -> None:
        assert await LineageRepository(database).insert([]) == 0

    async def test_many_rows_go_at_once(self, database: MetadataDatabase) -> None:
        rows = [lineage(f"row-{n}") for n in range(3000)]

        assert await LineageRepository(database).insert(rows) == 3000
        assert await LineageRepository(database).insert([*rows, lineage("one more")]) == 1

    async def test_writers_of_the_same_rows_write_each_once(self, database: MetadataDatabase) -> None:
        repository = LineageRepository(database)
        rows = [lineage(f"row-{n}") for n in range(100)]

        new = await asyncio.gather(*(repository.insert(rows[::step]) for step in (1, -1, 1, -1)))

        assert sum(new) == 100

    async def test_a_range_ends_before_its_end(self, database: MetadataDatabase) -> None:
        repository = LineageRepository(database)
        await repository.insert([lineage(f"row-{n}", timestamp=NOON + n * SECOND) for n in (3, 1, 2, 0)])

        found = await repository.get_range(TRADES, NOON + SECOND, NOON + 3 * SECOND)

        assert [row.lineage_id for row in found] == ["row-1", "row-2"]
        assert len(await repository.get_range(TRADES, NOON, NOON + 9 * SECOND, limit=3)) == 3

    async def test_totals_are_by_run_and_dataset(self, database: MetadataDatabase) -> None:
        repository = LineageRepository(database)
        await repository.insert(
            [
                lineage("a", received=2**61, stored=2**61, duplicate=0),
                lineage("b", received=2**61, stored=2**61, duplicate=0, timestamp=NOON + SECOND),
                lineage("c", dataset_id=CANDLES, received=5, stored=0, duplicate=0, stale=5, timestamp=NOON + SECOND),
                lineage("d", run_id="run-2", timestamp=NOON + 2 * SECOND),
                lineage("e", dataset_id="binance-spot", transformation="run", status="closed", timestamp=NOON + SECOND),
            ]
        )

        trades, run, candles, other = sorted(await repository.totals(), key=lambda t: (t.run_id, t.first_timestamp))

        assert (trades.received, trades.stored, trades.rows) == (2**62, 2**62, 2)
        assert (trades.first_timestamp, trades.last_timestamp) == (NOON, NOON + SECOND)
        assert (candles.stale, candles.difference) == (5, 0)
        assert (run.transformation, run.closed, trades.closed) == ("run", True, False)
        assert other.run_id == "run-2"
        assert await repository.totals("run-2") == [other]
