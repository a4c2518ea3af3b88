"""The ranges that are to be fetched again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import BackfillJob, JobStatus
from storage.metadata.schema import backfill_jobs
from storage.metadata.values import bind_values, checked
from storage.sql.columns import MAX_TEXT_CHARACTERS
from storage.sql.statements import insert_new
from storage.times import utc_now

ENDED: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})


class BackfillRepository:
    """The backfill jobs, by id."""

    def __init__(self, database: MetadataDatabase, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create_job(self, job: BackfillJob) -> bool:
        """Add a job; False when its id is there already. Raises RejectedError when it cannot be stored."""
        async with self._database.write() as connection:
            return await insert_new(connection, backfill_jobs, [bind_values(backfill_jobs, job)]) == 1

    async def get_job(self, job_id: str) -> BackfillJob | None:
        """The job of that id."""
        async with self._database.read() as connection:
            result = await connection.execute(select(backfill_jobs).where(backfill_jobs.c.job_id == job_id))
            row = result.mappings().one_or_none()
        return None if row is None else BackfillJob(**row)

    async def list_jobs(self, status: JobStatus | None = None, limit: int = 100) -> list[BackfillJob]:
        """The newest jobs, of one status or of all, newest first."""
        question = select(backfill_jobs).order_by(backfill_jobs.c.created_at.desc(), backfill_jobs.c.job_id)
        if status is not None:
            question = question.where(backfill_jobs.c.status == status)
        async with self._database.read() as connection:
            return [BackfillJob(**row) for row in (await connection.execute(question.limit(limit))).mappings()]

    async def update_status(self, job_id: str, status: JobStatus, error: str | None = None) -> bool:
        """Change the status of a job; False when there is none. Its first start and its end are kept.

        A long `error` is cut. Raises RejectedError for a status that there is not.
        """
        change = update(backfill_jobs).where(backfill_jobs.c.job_id == job_id)
        values = {"status": _checked_status(status), "error": _as_stored(error)} | self._times(status)
        async with self._database.write() as connection:
            return (await connection.execute(change.values(values))).rowcount == 1

    def _times(self, status: JobStatus) -> dict[str, Any]:
        now = self._clock()
        if status == "running":
            return {"started_at": func.coalesce(backfill_jobs.c.started_at, now)}
        return {"completed_at": now} if status in ENDED else {}


def _checked_status(status: JobStatus) -> Any:
    return checked(backfill_jobs.c.status, status, BackfillJob)


def _as_stored(error: str | None) -> Any:
    return checked(backfill_jobs.c.error, None if error is None else error.replace("\0", "")[:MAX_TEXT_CHARACTERS])
