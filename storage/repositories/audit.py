"""What was found wrong, once for each finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import AuditRow, Severity, row_id
from storage.metadata.schema import audit_logs
from storage.metadata.values import bind_values, checked, to_json
from storage.sql.statements import insert_new
from storage.times import to_ms, utc_now


class AuditRepository:
    """The audit log: the same finding, found again, is the row that is there."""

    def __init__(self, database: MetadataDatabase, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def log_finding(
        self,
        dataset_id: str,
        audit_type: str,
        severity: Severity,
        details: Mapping[str, Any],
        *,
        symbol: str | None = None,
        key: str | None = None,
    ) -> bool:
        """Keep a finding and say whether it is new.

        What makes it the same finding is dataset, symbol, type and `key`; without a key the details.
        Raises RejectedError when it cannot be stored.
        """
        plain = checked(audit_logs.c.details, details)
        identity = row_id(dataset_id, symbol, audit_type, to_json(plain) if key is None else key)
        row = AuditRow(
            audit_id=identity,
            dataset_id=dataset_id,
            symbol=symbol,
            audit_type=audit_type,
            severity=severity,
            details=plain,
            timestamp=self._clock(),
        )
        async with self._database.write() as connection:
            return await insert_new(connection, audit_logs, [bind_values(audit_logs, row)]) == 1

    async def log_gap(
        self, dataset_id: str, symbol: str, gap_start: datetime, gap_end: datetime, severity: Severity = "medium"
    ) -> bool:
        """Keep a gap from `gap_start` (inclusive) to `gap_end` (exclusive) and say whether it is new."""
        details = {
            "gap_start": gap_start,
            "gap_end": gap_end,
            "duration_seconds": (gap_end - gap_start).total_seconds(),
        }
        key = f"{to_ms(gap_start)}-{to_ms(gap_end)}"
        return await self.log_finding(dataset_id, "gap", severity, details, symbol=symbol, key=key)

    async def log_health_check(
        self, dataset_id: str, symbol: str, details: Mapping[str, Any], severity: Severity = "info"
    ) -> bool:
        """Keep the result of a check; each time it runs is a row."""
        key = str(to_ms(self._clock()))
        return await self.log_finding(dataset_id, "health_check", severity, details, symbol=symbol, key=key)

    async def get_recent_logs(self, dataset_id: str | None = None, limit: int = 100) -> list[AuditRow]:
        """The newest findings, of one dataset or of all, newest first."""
        question = select(audit_logs).order_by(audit_logs.c.timestamp.desc(), audit_logs.c.audit_id).limit(limit)
        if dataset_id is not None:
            question = question.where(audit_logs.c.dataset_id == dataset_id)
        async with self._database.read() as connection:
            return [AuditRow(**row) for row in (await connection.execute(question)).mappings()]
