"""Who wrote what, from where, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import RowMapping, Select, case, func, select

from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import OUTCOMES, LineageRow, LineageTotals
from storage.metadata.schema import lineage_records
from storage.metadata.values import bind_values
from storage.sql.bulk import insert_many_new

_COUNTS = ("received", *OUTCOMES)
_FIELDS = LineageRow.__struct_fields__

_AT_ONCE = 500


class LineageRepository:
    """The lineage rows: each is written once, whatever is sent again."""

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    async def insert(self, rows: Sequence[LineageRow]) -> int:
        """Keep the rows, all or none, and say how many were new: a known `lineage_id` is left as it is.

        Raises RejectedError when a row cannot be stored.
        """
        new = 0
        # By text, because ids are checked later.
        ordered = iter(sorted(rows, key=lambda row: str(row.lineage_id)))
        async with self._database.write() as connection:
            # In slices: others have their turn in between, and only so many rows are there twice.
            while some := [lineage_values(row) for row in islice(ordered, _AT_ONCE)]:
                new += await insert_many_new(connection, lineage_records, some)
        return new

    async def get_range(
        self, dataset_id: str, start: datetime, end: datetime, limit: int | None = None
    ) -> list[LineageRow]:
        """The rows of a dataset from `start` (inclusive) to `end` (exclusive), ascending."""
        table = lineage_records
        question = (
            select(*(table.c[name] for name in _FIELDS))
            .where(table.c.dataset_id == dataset_id, table.c.timestamp >= start, table.c.timestamp < end)
            .order_by(table.c.timestamp, table.c.lineage_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [LineageRow(**row) for row in (await connection.execute(question)).mappings()]

    async def totals(self, run_id: str | None = None) -> list[LineageTotals]:
        """The sums of each run, dataset and transformation, of one run or of all, oldest first."""
        question = _totals() if run_id is None else _totals().where(lineage_records.c.run_id == run_id)
        async with self._database.read() as connection:
            return [_sums(row) for row in (await connection.execute(question)).mappings()]


def lineage_values(row: LineageRow) -> list[object]:
    """The row as values to bind, in the order of the columns; raises RejectedError when it cannot be stored."""
    return list(bind_values(lineage_records, row).values())


def _totals() -> Select[tuple[object, ...]]:
    table = lineage_records
    keys = (table.c.run_id, table.c.dataset_id, table.c.transformation)
    first = func.min(table.c.timestamp).label("first_timestamp")
    return (
        select(
            *keys,
            func.max(case((table.c.status == "closed", 1), else_=0)).label("closed"),
            func.count().label("rows"),
            first,
            func.max(table.c.timestamp).label("last_timestamp"),
            *(func.sum(table.c[name]).label(name) for name in _COUNTS),
        )
        .group_by(*keys)
        .order_by(first, *keys)
    )


def _sums(row: RowMapping) -> LineageTotals:
    # Servers sum 64-bit integers into decimals.
    counts = {name: int(row[name]) for name in _COUNTS}
    return LineageTotals(**{**row, **counts, "closed": bool(row["closed"])})
