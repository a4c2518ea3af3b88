"""How good each dataset was, over time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import select

from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import HealthMetrics, HealthRow, row_id
from storage.metadata.schema import health_metrics
from storage.metadata.values import bind_values
from storage.sql.statements import insert_new
from storage.times import to_ms, utc_now


class HealthRepository:
    """The health of datasets; scores keep six decimals and are rounded towards zero."""

    def __init__(self, database: MetadataDatabase, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def insert(
        self, dataset_id: str, symbol: str, metrics: HealthMetrics, timestamp: datetime | None = None
    ) -> bool:
        """Keep the metrics of a dataset at a time and say whether they are new: one row for each time.

        Raises RejectedError when they cannot be stored.
        """
        time = self._clock() if timestamp is None else timestamp
        row = HealthRow(
            metric_id=row_id(dataset_id, symbol, to_ms(time)),
            dataset_id=dataset_id,
            symbol=symbol,
            timestamp=time,
            **msgspec.structs.asdict(metrics),
        )
        async with self._database.write() as connection:
            return await insert_new(connection, health_metrics, [bind_values(health_metrics, row)]) == 1

    async def get_latest_health(self, dataset_id: str, symbol: str | None = None) -> HealthRow | None:
        """The newest metrics of a dataset."""
        question = select(health_metrics).where(health_metrics.c.dataset_id == dataset_id)
        if symbol is not None:
            question = question.where(health_metrics.c.symbol == symbol)
        newest = question.order_by(health_metrics.c.timestamp.desc(), health_metrics.c.metric_id).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(newest)).mappings().one_or_none()
        return None if row is None else HealthRow(**row)
