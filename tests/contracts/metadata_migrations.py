"""Migrations: forward, back, at once, and half-way."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, func, inspect, make_url, select, text

from storage import TABLES as KINDS
from storage import OperatorError, RejectedError, get_adapter
from storage.adapters.sql.letters import PART_BYTES
from storage.adapters.sql.schema import market
from storage.metadata import MetadataDatabase, metadata
from storage.migrations import downgrade, status, upgrade
from storage.migrations.steps import VERSION_TABLE, VERSIONS
from storage.repositories.catalog import CatalogRepository
from tests.contracts.letters import conflict, letter
from tests.contracts.metadata_fixtures import OnMetadata
from tests.contracts.records import FULL
from tests.contracts.rows import dataset

METADATA = {"datasets", "audit_logs", "health_metrics", "backfill_jobs", "lineage_records"}
TABLES = METADATA | market.tables.keys()
STEPS = VERSIONS[-1]
"""By this name the steps are taken one by one; for "head" an empty database gets the newest tables at once."""


class MigrationContract(OnMetadata):
    async def test_an_empty_database_has_everything_pending(self, url: str) -> None:
        before = await status(url)
        after = await upgrade(url)

        assert before.current is None and before.pending[-1] == before.head
        assert (after.current, after.pending) == (before.head, ())
        assert await status(url) == after

    async def test_processes_that_start_at_once_migrate_once(self, url: str) -> None:
        done = await asyncio.gather(*(upgrade(url) for _ in range(4)))

        assert {state.pending for state in done} == {()}
        assert await tables(url) >= TABLES

    async def test_migrating_again_changes_nothing(self, database: MetadataDatabase, url: str) -> None:
        await CatalogRepository(database).upsert_dataset(dataset())

        await upgrade(url)

        assert await CatalogRepository(database).get_all_datasets() == [dataset()]

    async def test_the_migrations_and_the_schema_agree(self, url: str) -> None:
        await upgrade(url, STEPS)

        async with MetadataDatabase(url) as database, database.read() as connection:
            assert await connection.run_sync(_differences) == []

    async def test_the_migrations_build_what_an_empty_database_gets_at_once(self, url: str) -> None:
        by_step = await upgrade(url, STEPS)
        async with MetadataDatabase(url) as database, database.read() as connection:
            migrated = await connection.run_sync(_as_built)
        await downgrade(url, "base")
        async with MetadataDatabase(url) as database, database.write() as connection:
            await connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))

        at_once = await upgrade(url)

        async with MetadataDatabase(url) as database, database.read() as connection:
            assert await connection.run_sync(_as_built) == migrated
        assert at_once == by_step

    async def test_a_database_that_has_tables_of_others_is_as_good_as_an_empty_one(self, url: str) -> None:
        async with MetadataDatabase(url) as database, database.write() as connection:
            await connection.execute(text("CREATE TABLE theirs (id VARCHAR(32) NOT NULL)"))

        assert (await upgrade(url)).pending == ()

        assert await tables(url) >= TABLES | {"theirs"}

    async def test_what_was_killed_while_all_was_made_at_once_is_finished(self, url: str) -> None:
        async with MetadataDatabase(url) as database, database.write() as connection:
            await connection.run_sync(metadata.create_all)

        assert (await upgrade(url)).pending == ()

        async with MetadataDatabase(url) as database, database.read() as connection:
            assert await connection.run_sync(_differences) == []

    async def test_down_goes_back_and_up_comes_again(self, database: MetadataDatabase, url: str) -> None:
        gone = await downgrade(url, "base")
        assert gone.current is None and not await tables(url) & TABLES

        await upgrade(url)

        assert await tables(url) >= TABLES

    async def test_down_and_up_again_with_market_data_in_the_tables(self, database: MetadataDatabase, url: str) -> None:
        await CatalogRepository(database).upsert_dataset(dataset())
        filled = await fill(url)
        assert filled == set(market.tables)

        before_market = await downgrade(url, "0001")

        assert before_market.current == "0001"
        assert await tables(url) & TABLES == METADATA
        assert await CatalogRepository(database).get_all_datasets() == [dataset()]
        await upgrade(url)
        assert await filled_tables(url) == {"datasets"}
        assert await fill(url) == filled
        assert await downgrade(url, "base") and not await tables(url) & TABLES

    async def test_a_migration_that_was_killed_half_way_is_finished(self, url: str) -> None:
        await upgrade(url)
        async with MetadataDatabase(url) as database, database.write() as connection:
            await connection.execute(text(f"DELETE FROM {VERSION_TABLE}"))
            await connection.execute(text("DROP TABLE lineage_records"))
            await connection.run_sync(lambda sync: _drop_index(sync, "backfill_jobs", "ix_backfill_jobs_symbol"))

        assert (await upgrade(url)).pending == ()

        async with MetadataDatabase(url) as database, database.read() as connection:
            assert await connection.run_sync(_differences) == []

    async def test_tables_of_a_newer_version_are_left_alone(self, database: MetadataDatabase, url: str) -> None:
        async with database.write() as connection:
            await connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

        state = await upgrade(url)

        assert (state.current, state.pending) == ("9999", ())

    async def test_the_versions_of_another_program_are_not_ours(self, url: str) -> None:
        async with MetadataDatabase(url) as database, database.write() as connection:
            await connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            await connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

        assert (await upgrade(url)).pending == ()

        async with MetadataDatabase(url) as database, database.read() as connection:
            assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "theirs"

    async def test_an_unknown_target_is_refused(self, url: str) -> None:
        with pytest.raises(RejectedError, match="no-such"):
            await upgrade(url, "no-such")

    async def test_without_tables_the_error_says_what_to_run(self, url: str) -> None:
        async with MetadataDatabase(url) as database:
            with pytest.raises(OperatorError) as caught:
                await CatalogRepository(database).get_all_datasets()

        assert "tapestore migrate up" in caught.value.fix


async def fill(url: str) -> set[str]:
    """Put something into each table of the market, as a store does; returns those that are not empty then."""
    async with get_adapter(make_url(url).get_backend_name(), url) as store:
        for kind, record in FULL.items():
            await store.write([record], KINDS[kind].collection(record))
        await store.dead_letters.put([letter(data=bytes(PART_BYTES + 1))])
        await store.conflicts.put([conflict()])
        await store.replace("results", [{"_id": "1", "seconds": 12.5}])
    return await filled_tables(url) - {"datasets"}


async def filled_tables(url: str) -> set[str]:
    async with MetadataDatabase(url) as database, database.read() as connection:
        counts = {table: select(func.count()).select_from(table) for table in _every_table().sorted_tables}
        return {table.name for table, question in counts.items() if await connection.scalar(question)}


async def tables(url: str) -> set[str]:
    async with MetadataDatabase(url) as database, database.read() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "version_table": VERSION_TABLE}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), _every_table()))


def _every_table() -> MetaData:
    every = MetaData()
    for table in (*metadata.sorted_tables, *market.sorted_tables):
        table.to_metadata(every)
    return every


def _as_built(connection: Connection) -> dict[str, list[str]]:
    """The tables in the server's own words, down to the precision of a time and the collation of an id."""
    words = {
        "mysql": "SHOW CREATE TABLE {}",
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE tbl_name = '{}' ORDER BY name",
        "postgresql": "SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length, "
        "numeric_precision, numeric_scale, datetime_precision, '' FROM information_schema.columns "
        "WHERE table_name = '{0}' AND table_schema = current_schema() "
        "UNION ALL SELECT indexname, 0, '', indexdef, 0, 0, 0, 0, '' FROM pg_indexes "
        "WHERE tablename = '{0}' AND schemaname = current_schema() "
        "UNION ALL SELECT conname, 0, '', pg_get_constraintdef(oid), 0, 0, 0, 0, '' FROM pg_constraint "
        "WHERE conrelid = '{0}'::regclass ORDER BY 1",
    }[connection.dialect.name]
    built = {}
    for table in sorted(TABLES | {VERSION_TABLE}):
        rows = connection.execute(text(words.format(table)))
        lines = [line.rstrip(",") for row in rows for line in " ".join(map(str, row)).splitlines()]
        # The order in which indexes were made says nothing.
        built[table] = sorted(lines, key=lambda line: line if " KEY " in line else "")
    return built


def _drop_index(connection: Connection, table: str, index: str) -> None:
    on_table = f" ON {table}" if connection.dialect.name == "mysql" else ""
    connection.execute(text(f"DROP INDEX {index}{on_table}"))
