"""Thousands of rows of one table at once: what SQLAlchemy asks anew for each value is asked once for each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Insert, Select, Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects import dialect_module
from storage.sql.statements import only_new

Row = Sequence[Any]
"""A value for each column of a table, in the table's order."""

Processors = Sequence[tuple[int, Callable[[Any], Any]]]
"""What makes of a value what the driver takes, by its place in the row."""


async def insert_many_new(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows whose primary key is not there yet; returns how many were.

    The values must have been checked, and the rows sorted by their key: see `insert_new`.
    """
    if not rows:
        return 0
    statement, processors = _prepared(connection.dialect, table)
    values: Any = [_bound(row, processors) for row in rows]
    if connection.dialect.name == "postgresql":
        # One execution with a list for each column: asyncpg does not count what many executions changed.
        values = tuple(zip(*values, strict=True))
    return (await connection.exec_driver_sql(statement, values)).rowcount


def _bound(row: Row, processors: Processors) -> tuple[Any, ...]:
    values = list(row)
    for place, process in processors:
        values[place] = process(values[place])
    return tuple(values)


@lru_cache(maxsize=16)
def _prepared(dialect: Dialect, table: Table) -> tuple[str, Processors]:
    found = (each.type.dialect_impl(dialect).bind_processor(dialect) for each in table.columns)
    processors = [(place, process) for place, process in enumerate(found) if process is not None]
    return str(_insert(dialect, table).compile(dialect=dialect)), processors


def _insert(dialect: Dialect, table: Table) -> Insert:
    insert: Any = dialect_module(dialect.name).insert(table)
    if dialect.name == "postgresql":
        insert = insert.from_select(list(table.columns), _unnested(dialect, table))
    return only_new(dialect.name, table, insert)


def _unnested(dialect: Dialect, table: Table) -> Select[Any]:
    lists = (f"${place}::{each.type.compile(dialect=dialect)}[]" for place, each in enumerate(table.columns, 1))
    return select(text("*")).select_from(text(f"unnest({', '.join(lists)})"))
