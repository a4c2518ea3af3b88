"""One row of each metadata table, as frozen values with the names of its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

Severity = Literal["info", "low", "medium", "high", "critical"]
JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
LineageStatus = Literal["open", "closed"]
Transformation = Literal["consume", "replay", "run"]

OUTCOMES = ("stored", "duplicate", "stale", "conflict", "dead_lettered", "ignored", "returned")
"""The ways in which a received record can end."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One collection of one market: `dataset_id` is `{market}.{collection}`."""

    dataset_id: str
    name: str
    description: str | None = None
    category: str
    schema_id: str | None = None
    storage_type: str
    owner: str | None = None
    update_frequency: str | None = None
    created_at: datetime
    updated_at: datetime


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One finding; `audit_id` follows from what was found, so that the same finding is one row."""

    audit_id: str
    dataset_id: str
    symbol: str | None = None
    audit_type: str
    severity: Severity
    details: Mapping[str, Any]
    timestamp: datetime


class HealthMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """How good a dataset is; scores are percentages from 0 to 100."""

    completeness: Decimal
    freshness_seconds: int | None = None
    gaps_count: int = 0
    duplicates_count: int = 0
    consistency_score: Decimal
    quality_score: Decimal


class HealthRow(HealthMetrics, frozen=True, kw_only=True):
    """How good a dataset was at a time."""

    metric_id: str
    dataset_id: str
    symbol: str
    timestamp: datetime


class BackfillJob(msgspec.Struct, frozen=True, kw_only=True):
    """A range to fetch again, from `start_time` (inclusive) to `end_time` (exclusive); `progress` is a percentage."""

    job_id: str
    spec_hash: str
    symbol: str
    data_type: str
    timeframe: str | None = None
    start_time: datetime
    end_time: datetime
    priority: int = 5
    status: JobStatus = "pending"
    phase: str | None = None
    progress: Decimal = Decimal(0)
    records_fetched: int = 0
    records_inserted: int = 0
    claimed_by: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What came in and how it ended, in records."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    stale: int = 0
    conflict: int = 0
    dead_lettered: int = 0
    ignored: int = 0
    returned: int = 0

    @property
    def settled(self) -> int:
        """Records that have ended."""
        return sum(getattr(self, outcome) for outcome in OUTCOMES)

    @property
    def difference(self) -> int:
        """Records that came in and have not ended: what must be in flight."""
        return self.received - self.settled


class LineageRow(Counts, frozen=True, kw_only=True):
    """What one run did to one dataset from one source partition in one interval.

    `source_dataset_id` names the partition, e.g. `kafka:market-data/3`; `parameters` hold the positions
    `first` and `last`; `in_flight` is the number at the end of the interval. The row with the
    transformation "run" and the status "closed" ends a run: its counts are the totals of the process,
    and its `dataset_id` is the market alone.
    """

    lineage_id: str
    run_id: str
    dataset_id: str
    source_dataset_id: str | None = None
    transformation: Transformation
    parameters: Mapping[str, Any] = {}
    in_flight: int = 0
    execution_seconds: Decimal = Decimal(0)
    status: LineageStatus = "open"
    trace_id: str | None = None
    timestamp: datetime

    @property
    def input_records(self) -> int:
        """Records that were read."""
        return self.received

    @property
    def output_records(self) -> int:
        """Records that were written anew."""
        return self.stored


class LineageTotals(Counts, frozen=True, kw_only=True):
    """The sum of a run's rows for one dataset and transformation; `closed` when one of them is."""

    run_id: str
    dataset_id: str
    transformation: Transformation
    closed: bool
    rows: int
    first_timestamp: datetime
    last_timestamp: datetime


def row_id(*parts: str | int | None) -> str:
    """An id of 32 characters that follows from its parts, and from their order."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
