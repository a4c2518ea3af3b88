"""The writes that each dialect spells in its own way: add what is new, add or change, add or overwrite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Table, func
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects import dialect_module

Values = Mapping[str, Any]


async def insert_new(connection: AsyncConnection, table: Table, rows: Sequence[Values]) -> int:
    """Insert the rows whose primary key is not there yet; returns how many were.

    The values must have been checked: on MySQL this is INSERT IGNORE, which stores what fits of a
    value that does not.
    """
    if not rows:
        return 0
    dialect = connection.dialect.name
    statement = only_new(dialect, table, dialect_module(dialect).insert(table))
    if dialect == "mysql":
        return (await connection.execute(statement, _in_order(table, rows))).rowcount
    # The drivers do not count what many executions changed; what comes back can be counted.
    result = await connection.execute(statement.returning(*table.primary_key), _in_order(table, rows))
    return len(result.all())


def only_new(dialect: str, table: Table, insert: Any) -> Insert:
    """The insert of that dialect, leaving alone what has its primary key already."""
    statement: Insert = (
        insert.prefix_with("IGNORE")
        if dialect == "mysql"
        else insert.on_conflict_do_nothing(index_elements=list(table.primary_key))
    )
    return statement


async def upsert(connection: AsyncConnection, table: Table, rows: Sequence[Values], keep: frozenset[str]) -> None:
    """Insert the rows, or change those that are there.

    The columns of `keep` stay as they were, and a value that is not given does not wipe one that is there.
    """
    if rows:
        await connection.execute(_upsert(connection.dialect.name, table, keep), _in_order(table, rows))


async def overwrite(connection: AsyncConnection, table: Table, rows: Sequence[Values]) -> None:
    """Insert the rows, or put them in the place of those that are there."""
    if rows:
        statement = _insert_or(connection.dialect.name, table, frozenset(), lambda new, _: new)
        await connection.execute(statement, _in_order(table, rows))


def _upsert(dialect: str, table: Table, keep: frozenset[str]) -> Insert:
    return _insert_or(dialect, table, keep, func.coalesce)


def _insert_or(dialect: str, table: Table, keep: frozenset[str], change: Callable[[Any, Any], Any]) -> Insert:
    columns = [column for column in table.columns if not column.primary_key and column.name not in keep]
    insert = dialect_module(dialect).insert(table)
    new = insert.inserted if dialect == "mysql" else insert.excluded
    changes = {column.name: change(new[column.name], column) for column in columns}
    statement: Insert = (
        insert.on_duplicate_key_update(changes)
        if dialect == "mysql"
        else insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
    )
    return statement


def _in_order(table: Table, rows: Sequence[Values]) -> list[dict[str, Any]]:
    # Writers that lock rows in one order cannot wait for each other in a circle.
    names = [column.name for column in table.primary_key]
    return sorted((dict(row) for row in rows), key=lambda row: [row[name] for name in names])
