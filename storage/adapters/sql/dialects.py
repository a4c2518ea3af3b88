"""Where the three dialects differ in what they are asked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.functions import FunctionElement

from storage.adapters.sql.sqlite import COLLATION, SUM
from storage.tables import ColumnType

Expression = sa.ColumnElement[Any]

_VERSION = {"sqlite": "SELECT sqlite_version()", "mysql": "SELECT version()", "postgresql": "SHOW server_version"}
_BYTES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "mysql": "SELECT CAST(SUM(data_length + index_length) AS SIGNED) FROM information_schema.tables "
    "WHERE table_schema = DATABASE()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def version_of(dialect: str) -> sa.TextClause:
    """What asks for the version of the server."""
    return sa.text(_VERSION[dialect])


def bytes_of(dialect: str) -> sa.TextClause:
    """What asks how much the database holds, as far as the server has counted."""
    return sa.text(_BYTES[dialect])


def comparable(dialect: str, type: ColumnType, expression: Expression) -> Expression:
    """The expression as it compares exactly: text by its code points, numbers as numbers."""
    if dialect == "mysql" and type is ColumnType.TEXT:
        return sa.cast(expression, sa.LargeBinary)  # its collations leave spaces at the end out
    if dialect == "sqlite" and type is ColumnType.DECIMAL:
        return sa.collate(expression, COLLATION)
    return expression


def bound(dialect: str, type: ColumnType, expression: Expression, value: Any) -> Expression:
    """A value to compare with such an expression."""
    if dialect == "mysql" and type is ColumnType.TEXT:
        return sa.cast(sa.literal(value, sa.String), sa.LargeBinary)
    return sa.literal(value, expression.type)


def extremal(dialect: str, type: ColumnType, expression: Expression) -> Expression:
    """The expression as MIN and MAX take it."""
    if type is ColumnType.BOOL:
        return sa.cast(expression, sa.Integer)  # PostgreSQL has no least bool
    return comparable(dialect, type, expression)


def total(dialect: str, expression: Expression) -> FunctionElement[Any]:
    """The exact sum; SQLite's own ends at 64 bits."""
    return getattr(sa.func, SUM)(expression) if dialect == "sqlite" else sa.func.sum(expression)


def python_value(type: ColumnType, value: Any) -> Any:
    """What came back for a field or a measure, as the Python value of its type."""
    if value is None:
        return None
    match type:
        case ColumnType.TEXT:
            return value.decode() if isinstance(value, bytes) else value
        case ColumnType.BOOL:
            return bool(value)
        case ColumnType.INT:
            return int(value)
        case _:
            return value
