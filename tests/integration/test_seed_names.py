"""The names of the seed documents, used as their readers would use them; docs/acceptance.md points here."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection
from sqlalchemy import inspect as inspect_database

import storage
from config.keys import NAMES
from storage import (
    ADAPTERS,
    TABLES,
    BaseAdapter,
    BreakerState,
    CircuitBreaker,
    DatabaseError,
    DatabaseManager,
    LocalStorage,
    MongoDBClient,
    UnavailableError,
    apply_migrations,
    get_adapter,
    get_schema,
    ingest_results,
    models,
    rollback_migrations,
    validate_schema,
)
from storage.metadata.database import MetadataDatabase
from storage.sql.database import POOL
from tests.contracts.records import FULL, MS, T0, trade
from tests.integration.mongodb import FORGOTTEN_SOCKETS, client_of, forget

pytestmark = [pytest.mark.filterwarnings(FORGOTTEN_SOCKETS)]

SUMMARY = {"successful_runs": [{"model": "llama", "seconds": 12.5}], "failed_runs": [{"model": "bert"}]}
MANIFEST = {"built_images": {"llama:1": {"seconds": 61.5}}, "context": {"os": "linux"}}


@pytest.fixture
def database(mongodb_uri: str, unique_name: str) -> Iterator[str]:
    """The name of an empty MongoDB database."""
    yield unique_name
    asyncio.run(_forget(mongodb_uri, unique_name))


async def _forget(uri: str, name: str) -> None:
    async with client_of(uri) as client:
        await forget(client, name)


def held(uri: str, database: str, collection: str) -> list[dict[str, Any]]:
    """The documents of a collection, in no order."""

    async def read() -> list[dict[str, Any]]:
        async with get_adapter("mongodb", uri, database=database) as adapter:
            return [dict(document) for document in await adapter.find(collection)]

    return asyncio.run(read())


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database: str, mariadb_database: str, tmp_path: Path
) -> None:
    """The settings of a process that has both databases."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MYSQL_URI", mariadb_database.replace("aiomysql", "pymysql"))
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DB", database)
    monkeypatch.setenv("LOCAL_PATH", str(tmp_path))


SEED_COLUMNS = {
    "datasets": ("dataset_id", "name", "category", "storage_type"),
    "audit_logs": ("audit_id", "dataset_id", "symbol", "audit_type", "severity"),
    "health_metrics": ("metric_id", "dataset_id", "symbol", "completeness", "quality_score"),
    "backfill_jobs": ("job_id", "symbol", "data_type", "status", "progress"),
    "lineage_records": ("lineage_id", "dataset_id", "source_dataset_id", "transformation"),
}
SEED_INDEXES: dict[str, list[tuple[str, ...]]] = {
    "datasets": [("dataset_id",), ("category",)],
    "audit_logs": [("audit_id",), ("symbol", "timestamp"), ("dataset_id", "timestamp"), ("symbol",)],
    "health_metrics": [("metric_id",), ("symbol", "timestamp"), ("dataset_id", "timestamp"), ("symbol",)],
    "backfill_jobs": [("job_id",), ("symbol",), ("status",)],
    "lineage_records": [("lineage_id",), ("dataset_id", "timestamp"), ("status",)],
}


class TestSeed000:
    """Unified ingestion."""

    def test_000_1_and_000_2_builds_go_into_mongodb(self, mongodb_uri: str, database: str) -> None:
        client = MongoDBClient(connection_string=mongodb_uri, database=database)

        assert client.ingest_build_results(MANIFEST).inserted == 2

        images = [each.get("image") for each in held(mongodb_uri, database, "build_results")]
        assert sorted(images, key=str) == [None, "llama:1"]

    def test_000_1_without_an_address_it_is_the_server_of_this_machine(self) -> None:
        given = inspect.signature(MongoDBClient).parameters["connection_string"]

        assert given.default == "mongodb://localhost:27017"

    def test_000_3_runs_go_into_mongodb(self, mongodb_uri: str, database: str) -> None:
        result = MongoDBClient(mongodb_uri, database).ingest_run_results(SUMMARY)

        assert (result.status, result.read, result.inserted) == ("success", 2, 2)
        found = {(each["model"], each["outcome"]) for each in held(mongodb_uri, database, "run_results")}
        assert found == {("llama", "successful"), ("bert", "failed")}

    def test_000_4_and_000_5_results_are_kept_on_this_machine(self, tmp_path: Path) -> None:
        storage_here = LocalStorage(base_path=str(tmp_path))

        storage_here.save_results({"model": "llama", "seconds": 12.5})
        storage_here.save_results([{"model": "bert"}])

        assert {each["model"] for each in json.loads((tmp_path / "results.json").read_text())} == {"llama", "bert"}
        assert set(pq.read_table(tmp_path / "results.parquet")["model"].to_pylist()) == {"llama", "bert"}

    def test_000_6_000_7_and_000_10_one_call_for_each_target(
        self, mongodb_uri: str, database: str, mariadb_database: str, tmp_path: Path
    ) -> None:
        configs: dict[str, dict[str, Any]] = {
            "mongodb": {"connection": mongodb_uri, "database": database},
            "mysql": {"connection": mariadb_database.replace("mysql+aiomysql", "mysql")},
            "local": {"base_path": tmp_path},
        }

        for target, config in configs.items():
            first = ingest_results(results=SUMMARY, target=target, config=config)
            again = ingest_results(results=SUMMARY, target=target, config=config)
            assert (first.inserted, again.unchanged, first.failed + again.failed) == (1, 1, 0), target

    def test_000_8_local_results_survive_as_plain_files(self, tmp_path: Path) -> None:
        LocalStorage(tmp_path).save_results([{"a": 1, "nested": {"b": [1, 2]}}, {"a": "text"}])

        first, second = sorted(json.loads((tmp_path / "results.json").read_text()), key=lambda each: str(each["a"]))
        assert (first["nested"], second["a"]) == ({"b": [1, 2]}, "text")

    def test_000_9_builds_and_runs_of_several_machines_meet_in_one_database(
        self, mongodb_uri: str, database: str
    ) -> None:
        for _ in range(2):
            client = MongoDBClient(mongodb_uri, database)
            client.ingest_build_results(MANIFEST)
            client.ingest_run_results(SUMMARY)

        phases = {
            each["phase"] for name in ("build_results", "run_results") for each in held(mongodb_uri, database, name)
        }
        assert phases == {"build", "run"}
        assert len(held(mongodb_uri, database, "run_results")) == 2


class TestSeed001:
    """The core: adapters, manager, repositories."""

    def test_001_1_the_adapter_has_the_methods_of_the_seed(self) -> None:
        names = (
            "connect disconnect write write_batch query_range query_latest get_record_count ensure_indexes delete_range"
        )

        assert [name for name in names.split() if not callable(getattr(BaseAdapter, name, None))] == []
        assert inspect.isabstract(BaseAdapter)

    async def test_001_2_an_adapter_is_a_context_manager(self) -> None:
        async with get_adapter("memory") as adapter:
            await adapter.ping()
        with pytest.raises(UnavailableError):
            await adapter.ping()

    def test_001_3_every_error_is_a_database_error(self) -> None:
        errors = [value for value in vars(storage.errors).values() if isinstance(value, type)]

        assert all(issubclass(error, DatabaseError) for error in errors if issubclass(error, Exception))

    async def test_001_4_and_001_7_mysql_by_sqlalchemy_makes_its_tables_on_connect(self, mariadb_database: str) -> None:
        url = mariadb_database.replace("mysql+aiomysql", "mysql+pymysql")

        async with get_adapter("mysql", url) as adapter:
            assert await adapter.write([trade()], "trades_BTCUSDT") == 1

    async def test_001_5_the_pool_is_as_the_seed_has_it(self, mariadb_database: str) -> None:
        async with MetadataDatabase(mariadb_database) as database:
            pool: Any = database.engine.pool
            assert (pool.size(), database.pool.maximum, pool._recycle, pool._pre_ping) == (5, 15, 1800, True)

        assert POOL == {"pool_size": 5, "max_overflow": 10, "pool_recycle": 1800, "pool_pre_ping": True}

    async def test_001_11_and_001_12_the_tables_have_the_columns_and_indexes_of_the_seed(
        self, mariadb_database: str
    ) -> None:
        await apply_migrations(mariadb_database)
        async with MetadataDatabase(mariadb_database) as database, database.read() as connection:
            found = await connection.run_sync(_columns_and_indexes)

        for table, (columns, indexes) in found.items():
            assert set(SEED_COLUMNS[table]) <= columns, table
            assert set(SEED_INDEXES[table]) <= indexes, table

    @pytest.mark.parametrize("kind", ["mysql", "mongodb"])
    async def test_001_8_and_001_17_what_is_there_is_not_inserted_again(
        self, kind: str, request: pytest.FixtureRequest, unique_name: str
    ) -> None:
        address = request.getfixturevalue({"mysql": "mariadb_database", "mongodb": "mongodb_uri"}[kind])
        options = {"database": unique_name} if kind == "mongodb" else {}

        async with get_adapter(kind, address, **options) as adapter:
            assert await adapter.write_batch([trade(1), trade(2)], "trades_BTCUSDT", batch_size=1) == 2
            assert await adapter.write_batch([trade(1), trade(2), trade(3)], "trades_BTCUSDT") == 1
            found = await adapter.query_range("trades_BTCUSDT", T0, T0 + MS, "BTCUSDT")
            assert len(found) == await adapter.get_record_count("trades_BTCUSDT") == 3
            assert len(await adapter.query_latest("trades_BTCUSDT", limit=2)) == 2
            assert await adapter.delete_range("trades_BTCUSDT", T0, T0 + MS) == 3

    async def test_001_10_and_001_46_the_snippet_of_the_seed(self, environment: None) -> None:
        manager = DatabaseManager()
        await manager.initialize()

        health = manager.health_check()
        assert health["mysql"]["connected"]
        assert health["mongodb"]["connected"]

        assert await tables_of(manager.mysql) >= {
            *("datasets", "audit_logs", "health_metrics", "backfill_jobs", "lineage_records"),
        }
        await manager.shutdown()

    async def test_001_26_to_001_29_and_001_39_to_001_41_models_go_through_the_manager_and_back(
        self, environment: None
    ) -> None:
        async with DatabaseManager() as manager:
            for name, record in FULL.items():
                repository = getattr(manager, name)
                model = models.model_of(record)
                await repository.insert(model.to_record())

                (found,) = await repository.get_latest(record.symbol, 1, getattr(record, "timeframe", None))
                assert models.model_of(found) == model
            assert await manager.audit_logs.log_gap("spot.trades_BTCUSDT", "BTCUSDT", T0, T0 + MS)
            assert len(await manager.audit_logs.get_recent_logs("spot.trades_BTCUSDT", 10)) == 1

    def test_001_6_and_001_21_to_001_24_the_breaker_has_its_states(self) -> None:
        now = [0.0]
        breaker = CircuitBreaker(failure_threshold=1, recovery_timeout=10, success_threshold=2, clock=lambda: now[0])

        assert [state.name for state in BreakerState] == ["CLOSED", "OPEN", "HALF_OPEN"]
        permit = breaker.allow()
        assert permit is not None
        breaker.record_failure(permit)
        seen = [breaker.state]
        now[0] = 10.0
        assert [*seen, breaker.state] == [BreakerState.OPEN, BreakerState.HALF_OPEN]

    def test_001_30_and_004_2_the_factory_is_a_dict_and_names_what_it_knows(self) -> None:
        assert {"mysql", "mariadb", "mongodb", "postgresql"} <= ADAPTERS.keys()
        with pytest.raises(ValueError, match="mongodb, mysql, postgresql"):
            get_adapter("oracle", "oracle://")

    async def test_001_36_and_001_38_it_goes_on_without_databases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MYSQL_URI", "mysql://nobody:secret@127.0.0.1:1/none")
        monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")

        async with DatabaseManager() as manager:
            health = manager.health_check()

        assert [side["connected"] for side in health.values()] == [False, False]
        assert all(side["last_error"] and "secret" not in side["last_error"] for side in health.values())


def _columns_and_indexes(connection: Connection) -> dict[str, tuple[set[str], set[tuple[str, ...]]]]:
    """The names of the columns of each table, and the columns of each of its keys and indexes."""
    look, found = inspect_database(connection), {}
    for table in SEED_COLUMNS:
        indexes = {tuple(str(name) for name in index["column_names"]) for index in look.get_indexes(table)}
        key = tuple(look.get_pk_constraint(table)["constrained_columns"])
        found[table] = {column["name"] for column in look.get_columns(table)}, indexes | {key}
    return found


async def tables_of(database: MetadataDatabase) -> set[str]:
    async with database.read() as connection:
        return {str(row[0]) for row in await connection.exec_driver_sql("SHOW TABLES")}


class TestSeed004:
    """Many databases, one interface."""

    @pytest.mark.parametrize("kind", ["postgresql", "mongodb"])
    async def test_004_3_and_004_4_find_update_delete_aggregate_and_metrics(
        self, kind: str, request: pytest.FixtureRequest, unique_name: str
    ) -> None:
        address = request.getfixturevalue({"postgresql": "postgresql_database", "mongodb": "mongodb_uri"}[kind])
        options = {"database": unique_name} if kind == "mongodb" else {}

        async with get_adapter(kind, address, **options) as adapter:
            await adapter.replace(
                "agents",
                [
                    {"_id": "1", "name": "Agent1", "type": "worker", "status": "active"},
                    {"_id": "2", "name": "Agent2", "type": "manager", "status": "active"},
                    {"_id": "3", "name": "Agent3", "type": "worker", "status": "idle"},
                ],
            )

            found = await adapter.find("agents", {"status": "active"}, projection=["name", "type"], sort=[("name", 1)])
            assert found == [{"name": "Agent1", "type": "worker"}, {"name": "Agent2", "type": "manager"}]
            groups = await adapter.aggregate("agents", [{"$group": {"_id": "$type", "count": {"$sum": 1}}}])
            assert sorted((each["_id"], each["count"]) for each in groups) == [("manager", 1), ("worker", 2)]
            assert await adapter.delete("agents", {"status": "idle"}) == 1
            assert (await adapter.metrics()).server_version

            await adapter.write([trade(1), trade(2)], "trades_BTCUSDT")
            assert await adapter.update("trades_BTCUSDT", {"trade_id": 1}, {"price": Decimal("7.5")}) == 1
            (changed,) = await adapter.find("trades_BTCUSDT", {"price": Decimal("7.5")})
            assert changed["trade_id"] == 1

    def test_004_5_schemas_are_told_and_checked(self) -> None:
        document = TABLES["trades"].to_document(trade())

        assert "price" in get_schema("trades")["properties"]
        assert validate_schema("trades", document)
        assert not validate_schema("trades", document | {"price": "dear"})

    async def test_004_6_migrations_go_forward_and_back_to_a_version(self, mariadb_database: str) -> None:
        there = await apply_migrations(mariadb_database)
        back = await rollback_migrations(mariadb_database, target_version="0001")
        again = await apply_migrations(mariadb_database)
        gone = await rollback_migrations(mariadb_database, target_version="base")

        assert there["metadata"].pending == again["metadata"].pending == ()
        assert (back["metadata"].current, back["metadata"].pending) == ("0001", ("0002",))
        assert gone["metadata"].current is None
