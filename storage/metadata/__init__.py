"""The SQL side of what we keep: datasets, audits, health, backfill jobs, lineage."""

from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import (
    AuditRow,
    BackfillJob,
    Dataset,
    HealthMetrics,
    HealthRow,
    JobStatus,
    LineageRow,
    LineageTotals,
    Severity,
    row_id,
)
from storage.metadata.schema import metadata

__all__ = [
    "AuditRow",
    "BackfillJob",
    "Dataset",
    "HealthMetrics",
    "HealthRow",
    "JobStatus",
    "LineageRow",
    "LineageTotals",
    "MetadataDatabase",
    "Severity",
    "metadata",
    "row_id",
]
