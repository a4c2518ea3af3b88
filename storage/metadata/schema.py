"""The five SQL tables, written down once; the migrations must build exactly these.

Ids and names compare by their bytes on every database (`utf8mb4_bin` on MySQL): a month `1M` is no
minute `1m`. There are no foreign keys, so that a finding can be written before its dataset is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from storage.sql.columns import ExactDecimal, Json, UtcTime

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
)
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def _id(name: str, length: int = 64) -> Column[str]:
    return Column(name, String(length), primary_key=True)


def _dataset_id() -> Column[str]:
    return Column("dataset_id", String(128), nullable=False)


def _time(name: str = "timestamp", nullable: bool = False) -> Column[Any]:
    return Column(name, UtcTime(), nullable=nullable)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _percent(name: str) -> Column[Any]:
    return Column(name, ExactDecimal(9, 6), nullable=False)


datasets = Table(
    "datasets",
    metadata,
    _id("dataset_id", 128),
    Column("name", String(128), nullable=False),
    Column("description", String(500)),
    Column("category", String(50), nullable=False),
    Column("schema_id", String(64)),
    Column("storage_type", String(20), nullable=False),
    Column("owner", String(100)),
    Column("update_frequency", String(50)),
    _time("created_at"),
    _time("updated_at"),
    Index(None, "category"),
    **MYSQL,
)

audit_logs = Table(
    "audit_logs",
    metadata,
    _id("audit_id"),
    _dataset_id(),
    Column("symbol", String(64)),
    Column("audit_type", String(50), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("details", Json(), nullable=False),
    _time(),
    Index(None, "dataset_id", "timestamp"),
    Index(None, "symbol", "timestamp"),
    Index(None, "symbol"),
    **MYSQL,
)

health_metrics = Table(
    "health_metrics",
    metadata,
    _id("metric_id"),
    _dataset_id(),
    Column("symbol", String(64), nullable=False),
    _percent("completeness"),
    Column("freshness_seconds", BigInteger),
    _count("gaps_count"),
    _count("duplicates_count"),
    _percent("consistency_score"),
    _percent("quality_score"),
    _time(),
    Index(None, "dataset_id", "timestamp"),
    Index(None, "symbol", "timestamp"),
    Index(None, "symbol"),
    **MYSQL,
)

backfill_jobs = Table(
    "backfill_jobs",
    metadata,
    _id("job_id"),
    Column("spec_hash", String(64), nullable=False),
    Column("symbol", String(64), nullable=False),
    Column("data_type", String(50), nullable=False),
    Column("timeframe", String(10)),
    _time("start_time"),
    _time("end_time"),
    Column("priority", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("phase", String(50)),
    Column("progress", ExactDecimal(5, 2), nullable=False),
    _count("records_fetched"),
    _count("records_inserted"),
    Column("claimed_by", String(128)),
    _time("lease_expires_at", nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    _time("created_at"),
    _time("started_at", nullable=True),
    _time("completed_at", nullable=True),
    Index(None, "status"),
    Index(None, "symbol"),
    **MYSQL,
)

lineage_records = Table(
    "lineage_records",
    metadata,
    _id("lineage_id"),
    Column("run_id", String(64), nullable=False),
    _dataset_id(),
    Column("source_dataset_id", String(255)),
    Column("transformation", String(50), nullable=False),
    Column("parameters", Json(), nullable=False),
    _count("input_records"),
    _count("output_records"),
    _count("received"),
    _count("stored"),
    _count("duplicate"),
    _count("stale"),
    _count("conflict"),
    _count("dead_lettered"),
    _count("ignored"),
    _count("returned"),
    _count("in_flight"),
    Column("execution_seconds", ExactDecimal(14, 3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("trace_id", String(32)),
    _time(),
    Index(None, "dataset_id", "timestamp"),
    Index(None, "run_id"),
    Index(None, "status"),
    **MYSQL,
)
