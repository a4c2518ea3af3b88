"""What is known of the data, at the edge: health, gaps, backfill, lineage."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

import msgspec
from pydantic import Field, JsonValue, model_validator

import storage.metadata.rows as rows
from storage.models.base import Model
from storage.models.values import Count, Exact, Percent, Symbol, Text, Time, Timeframe


class DataHealthMetrics(Model):
    """How good a dataset is; scores are percentages from 0 to 100."""

    completeness: Percent
    freshness_seconds: Count | None = None
    gaps_count: Count = 0
    duplicates_count: Count = 0
    consistency_score: Percent
    quality_score: Percent

    @classmethod
    def from_row(cls, row: rows.HealthMetrics) -> Self:
        """The model of metrics, or of a row of them."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})

    def to_metrics(self) -> rows.HealthMetrics:
        """The metrics, as the repository takes them."""
        return rows.HealthMetrics(**dict(self))


class GapInfo(Model):
    """Records that are missing, from `start_time` (inclusive) to `end_time` (exclusive)."""

    start_time: Time
    end_time: Time
    expected_records: Count | None = None

    @property
    def duration_seconds(self) -> float:
        """How long the gap is."""
        return (self.end_time - self.start_time).total_seconds()


class BackfillRequest(Model):
    """A range to fetch again, from `start_time` (inclusive) to `end_time` (exclusive)."""

    symbol: Symbol
    data_type: Text
    timeframe: Timeframe | None = None
    start_time: Time
    end_time: Time
    priority: int = Field(5, ge=1, le=10)

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("start_time is not before end_time")
        return self


class BackfillJob(Model):
    """A request and how far it is; `progress` is a percentage."""

    job_id: Text
    request: BackfillRequest
    status: rows.JobStatus = "pending"
    progress: Percent = Decimal(0)
    records_fetched: Count = 0
    records_inserted: Count = 0
    error_message: str | None = None
    created_at: Time
    started_at: Time | None = None
    completed_at: Time | None = None

    @classmethod
    def from_row(cls, row: rows.BackfillJob) -> Self:
        """The model of a row."""
        values = msgspec.structs.asdict(row)
        request = {name: values[name] for name in BackfillRequest.model_fields}
        known = {name: values[name] for name in cls.model_fields if name in values}
        return cls.model_validate({**known, "request": request, "error_message": row.error})


class LineageRecord(Model):
    """What was made of what."""

    lineage_id: Text
    dataset_id: Text
    source_dataset_id: str | None = None
    transformation: Text
    transformation_params: dict[str, JsonValue]
    input_records: Count
    output_records: Count
    execution_time_seconds: Exact
    status: Text
    timestamp: Time

    @classmethod
    def from_row(cls, row: rows.LineageRow) -> Self:
        """The model of a row."""
        return cls(
            lineage_id=row.lineage_id,
            dataset_id=row.dataset_id,
            source_dataset_id=row.source_dataset_id,
            transformation=row.transformation,
            transformation_params=dict(row.parameters),
            input_records=row.input_records,
            output_records=row.output_records,
            execution_time_seconds=row.execution_seconds,
            status=row.status,
            timestamp=row.timestamp,
        )
