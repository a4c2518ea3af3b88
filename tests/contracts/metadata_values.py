"""Values: what is stored comes back as it was, and what would not is refused before it is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from storage import ConflictError, RejectedError
from storage.metadata import MetadataDatabase
from storage.metadata.schema import audit_logs, datasets
from storage.metadata.values import bind_values
from storage.repositories.audit import AuditRepository
from storage.repositories.backfill import BackfillRepository
from storage.repositories.catalog import CatalogRepository
from storage.repositories.health import HealthRepository
from storage.repositories.lineage import LineageRepository
from tests.contracts.metadata_fixtures import OnMetadata
from tests.contracts.rows import NOON, TRADES, dataset, health, job, lineage

GREATEST = 2**63 - 1


class ValueContract(OnMetadata):
    async def test_times_are_utc_floored_to_milliseconds(self, database: MetadataDatabase) -> None:
        kathmandu = datetime(2025, 10, 21, 17, 45, 0, 123999, tzinfo=timezone(timedelta(hours=5, minutes=45)))

        await CatalogRepository(database).upsert_dataset(dataset(created_at=kathmandu))

        stored = await CatalogRepository(database).get_dataset(TRADES)
        assert stored is not None and stored.created_at == NOON
        assert stored.created_at.tzinfo is UTC

    async def test_far_times_survive(self, database: MetadataDatabase) -> None:
        far = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)]

        await BackfillRepository(database).create_job(job(start_time=far[0], end_time=far[1]))

        stored = await BackfillRepository(database).get_job("job-1")
        assert stored is not None and [stored.start_time, stored.end_time] == far

    async def test_scores_are_exact_and_never_look_better(self, database: MetadataDatabase) -> None:
        metrics = health(completeness=Decimal("99.99999999"), quality_score=Decimal("0.1"), freshness_seconds=GREATEST)

        await HealthRepository(database).insert(TRADES, "BTCUSDT", metrics, NOON)

        stored = await HealthRepository(database).get_latest_health(TRADES)
        assert stored is not None and stored.completeness == Decimal("99.999999")
        assert (stored.quality_score, stored.freshness_seconds) == (Decimal("0.1"), GREATEST)

    async def test_json_comes_back(self, database: MetadataDatabase) -> None:
        details = {"é": ["😀", None, True, 1.5, -GREATEST], "nested": {"a": {"b": []}}, "quote": "'\"\\%s :x"}

        await AuditRepository(database).log_finding(TRADES, "conflict", "high", details)

        assert [row.details for row in await AuditRepository(database).get_recent_logs()] == [details]

    async def test_names_that_differ_in_case_differ(self, database: MetadataDatabase) -> None:
        names = [f"m.candles_BTCUSDT_1{unit}" for unit in "Mm"]

        await CatalogRepository(database).upsert_datasets([dataset(dataset_id=name) for name in names])

        assert [found.dataset_id for found in await CatalogRepository(database).get_all_datasets()] == names

    async def test_a_too_long_id_is_refused_and_never_cut(self, database: MetadataDatabase) -> None:
        repository = LineageRepository(database)

        with pytest.raises(RejectedError, match="dataset_id"):
            await repository.insert([lineage("good"), lineage("bad", dataset_id="m." + "x" * 127)])

        assert await repository.totals() == []
        assert await repository.insert([lineage("longest", dataset_id="m." + "x" * 126)]) == 1

    async def test_json_that_is_too_deep_is_refused(self, database: MetadataDatabase) -> None:
        deep: dict[str, Any] = {}
        for _ in range(40):
            deep = {"deeper": deep}

        with pytest.raises(RejectedError, match="nested"):
            await AuditRepository(database).log_finding(TRADES, "gap", "low", deep)

    async def test_the_deepest_json_that_is_allowed_is_stored(self, database: MetadataDatabase) -> None:
        deep: list[Any] | int = 1
        for _ in range(18):
            deep = [deep]

        assert await AuditRepository(database).log_finding(TRADES, "gap", "low", {"deep": deep})

    async def test_a_taken_key_is_a_conflict(self, database: MetadataDatabase) -> None:
        values = bind_values(datasets, dataset())
        async with database.write() as connection:
            await connection.execute(insert(datasets), values)

        with pytest.raises(ConflictError):
            async with database.write() as connection:
                await connection.execute(insert(datasets), values)

    async def test_an_error_rolls_the_transaction_back(self, database: MetadataDatabase) -> None:
        with pytest.raises(ZeroDivisionError):
            async with database.write() as connection:
                await connection.execute(insert(datasets), bind_values(datasets, dataset()))
                raise ZeroDivisionError

        assert await CatalogRepository(database).get_all_datasets() == []

    async def test_many_questions_at_once_are_answered(self, database: MetadataDatabase) -> None:
        async def ask() -> int:
            async with database.read() as connection:
                return int((await connection.execute(select(func.count()).select_from(audit_logs))).scalar_one())

        assert await asyncio.gather(*(ask() for _ in range(100))) == [0] * 100

    async def test_a_statement_that_is_wrong_is_a_database_error(self, database: MetadataDatabase) -> None:
        with pytest.raises(Exception, match="metadata database") as caught:
            async with database.read() as connection:
                await connection.execute(text("SELEC 1"))

        assert type(caught.value).__module__ == "storage.errors"
