"""Rows of the metadata for tests, whole but for what a test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from storage.metadata import BackfillJob, Dataset, HealthMetrics, LineageRow
from storage.metadata.database import MetadataDatabase
from storage.repositories.lineage import LineageRepository

NOON = datetime(2025, 10, 21, 12, 0, 0, 123000, tzinfo=UTC)
TRADES = "binance-spot.trades_BTCUSDT"
CANDLES = "binance-spot.candles_BTCUSDT_1m"
EVER = (NOON - timedelta(days=9), NOON + timedelta(days=9))


def dataset(**changes: Any) -> Dataset:
    whole: dict[str, Any] = {
        "dataset_id": TRADES,
        "name": "trades_BTCUSDT",
        "category": "trades",
        "storage_type": "mongodb",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Dataset(**(whole | changes))


def health(**changes: Any) -> HealthMetrics:
    whole: dict[str, Any] = {
        "completeness": Decimal("99.5"),
        "consistency_score": Decimal(100),
        "quality_score": Decimal("99.7"),
    }
    return HealthMetrics(**(whole | changes))


def job(**changes: Any) -> BackfillJob:
    whole: dict[str, Any] = {
        "job_id": "job-1",
        "spec_hash": "ab" * 32,
        "symbol": "BTCUSDT",
        "data_type": "candles",
        "timeframe": "1m",
        "start_time": NOON,
        "end_time": NOON + timedelta(hours=1),
        "created_at": NOON,
    }
    return BackfillJob(**(whole | changes))


def lineage(lineage_id: str = "row-1", **changes: Any) -> LineageRow:
    whole: dict[str, Any] = {
        "lineage_id": lineage_id,
        "run_id": "run-1",
        "dataset_id": TRADES,
        "source_dataset_id": "kafka:market-data/3",
        "transformation": "consume",
        "parameters": {"first": 10, "last": 19},
        "received": 10,
        "stored": 9,
        "duplicate": 1,
        "execution_seconds": Decimal("0.250"),
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "timestamp": NOON,
    }
    return LineageRow(**(whole | changes))


async def lineage_of(database: MetadataDatabase, dataset_id: str = TRADES) -> list[LineageRow]:
    return await LineageRepository(database).get_range(dataset_id, *EVER)
