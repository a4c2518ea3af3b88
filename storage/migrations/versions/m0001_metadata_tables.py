"""The five tables of the metadata."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.sql.columns import ExactDecimal, Json, UtcTime

revision = "0001"
down_revision = None

MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

INDEXES = {
    "datasets": [["category"]],
    "audit_logs": [["dataset_id", "timestamp"], ["symbol", "timestamp"], ["symbol"]],
    "health_metrics": [["dataset_id", "timestamp"], ["symbol", "timestamp"], ["symbol"]],
    "backfill_jobs": [["status"], ["symbol"]],
    "lineage_records": [["dataset_id", "timestamp"], ["run_id"], ["status"]],
}


def upgrade() -> None:
    """Create what is not there: MySQL commits each statement, so a killed migration has got half-way."""
    _create(
        "datasets",
        sa.Column("dataset_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("description", sa.String(500)),
        sa.Column("category", sa.String(50), nullable=False),
        sa.Column("schema_id", sa.String(64)),
        sa.Column("storage_type", sa.String(20), nullable=False),
        sa.Column("owner", sa.String(100)),
        sa.Column("update_frequency", sa.String(50)),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
    )
    _create(
        "audit_logs",
        sa.Column("audit_id", sa.String(64), nullable=False),
        sa.Column("dataset_id", sa.String(128), nullable=False),
        sa.Column("symbol", sa.String(64)),
        sa.Column("audit_type", sa.String(50), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("details", Json(), nullable=False),
        sa.Column("timestamp", UtcTime(), nullable=False),
    )
    _create(
        "health_metrics",
        sa.Column("metric_id", sa.String(64), nullable=False),
        sa.Column("dataset_id", sa.String(128), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("completeness", ExactDecimal(9, 6), nullable=False),
        sa.Column("freshness_seconds", sa.BigInteger),
        sa.Column("gaps_count", sa.BigInteger, nullable=False),
        sa.Column("duplicates_count", sa.BigInteger, nullable=False),
        sa.Column("consistency_score", ExactDecimal(9, 6), nullable=False),
        sa.Column("quality_score", ExactDecimal(9, 6), nullable=False),
        sa.Column("timestamp", UtcTime(), nullable=False),
    )
    _create(
        "backfill_jobs",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("spec_hash", sa.String(64), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("data_type", sa.String(50), nullable=False),
        sa.Column("timeframe", sa.String(10)),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("phase", sa.String(50)),
        sa.Column("progress", ExactDecimal(5, 2), nullable=False),
        sa.Column("records_fetched", sa.BigInteger, nullable=False),
        sa.Column("records_inserted", sa.BigInteger, nullable=False),
        sa.Column("claimed_by", sa.String(128)),
        sa.Column("lease_expires_at", UtcTime()),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("started_at", UtcTime()),
        sa.Column("completed_at", UtcTime()),
    )
    _create(
        "lineage_records",
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("dataset_id", sa.String(128), nullable=False),
        sa.Column("source_dataset_id", sa.String(255)),
        sa.Column("transformation", sa.String(50), nullable=False),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("input_records", sa.BigInteger, nullable=False),
        sa.Column("output_records", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
        sa.Column("conflict", sa.BigInteger, nullable=False),
        sa.Column("dead_lettered", sa.BigInteger, nullable=False),
        sa.Column("ignored", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.BigInteger, nullable=False),
        sa.Column("in_flight", sa.BigInteger, nullable=False),
        sa.Column("execution_seconds", ExactDecimal(14, 3), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("timestamp", UtcTime(), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in reversed(INDEXES):
        op.drop_table(table, if_exists=True)


def _create(table: str, *columns: sa.Column[Any]) -> None:
    key = sa.PrimaryKeyConstraint(columns[0].name, name=f"pk_{table}")
    op.create_table(table, *columns, key, if_not_exists=True, **MYSQL)
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for names in INDEXES[table]:
        name = f"ix_{table}_{'_'.join(names)}"
        if name not in known:
            op.create_index(name, table, names)
