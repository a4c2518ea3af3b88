"""The tables of market data, made from the one declaration of each kind; the migrations must build exactly these.

One table holds all collections of a kind: a collection is its rows of one symbol (and timeframe). Names and
ids compare by their code points on every database: `1m` is not `1M`.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from storage.sql.columns import UtcTime
from storage.sql.exact import AnyText, DocumentId, ExactNumber, LevelsText, long_bytes, long_text, name, words
from storage.tables import TABLES, Column, ColumnType, Table

MAX_KEY_CHARACTERS = 255
MAX_LETTER_ID_CHARACTERS = 700
"""An index of MySQL takes 3072 bytes, one of PostgreSQL 2704."""

MYSQL: Mapping[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

market = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)

_LENGTHS = {"symbol": 64, "timeframe": 10, "kind": 20}


def _table(table: Table) -> sa.Table:
    scope = ["symbol", "timeframe"] if table.has_timeframe else ["symbol"]
    key = sa.Column("_id", name(MAX_KEY_CHARACTERS), primary_key=True)
    columns = [_column(column) for column in table.columns]
    index = sa.Index(None, *scope, "timestamp")
    return sa.Table(table.name, market, *_timeframe_first(key, columns), *_checks(table), index, **MYSQL)


def _timeframe_first(key: sa.Column[Any], columns: list[sa.Column[Any]]) -> list[sa.Column[Any]]:
    # The order of the columns is that of the primary key.
    first = [column for column in columns if column.primary_key]
    return [*first, key, *(column for column in columns if not column.primary_key)]


def _column(column: Column) -> sa.Column[Any]:
    is_key = column.name == "timeframe"
    return sa.Column(column.name, _type(column), primary_key=is_key, nullable=not column.required)


def _type(column: Column) -> Any:
    match column.type:
        case ColumnType.TEXT:
            return name(_LENGTHS[column.name]) if column.name in _LENGTHS else words()
        case ColumnType.INT:
            return sa.BigInteger()
        case ColumnType.BOOL:
            return sa.Boolean(create_constraint=True, name=column.name)
        case ColumnType.DECIMAL:
            return ExactNumber()
        case ColumnType.TIME:
            return UtcTime()
        case ColumnType.LEVELS:
            return LevelsText()
    typing.assert_never(column.type)


def _checks(table: Table) -> Iterator[sa.CheckConstraint]:
    for column, choices in CHOICES[table.name].items():
        listed = ", ".join(f"'{choice}'" for choice in choices)
        yield sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _choices(table: Table) -> Mapping[str, tuple[str, ...]]:
    hints = typing.get_type_hints(table.record).items()
    return {name: typing.get_args(hint) for name, hint in hints if typing.get_origin(hint) is typing.Literal}


CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {table.name: _choices(table) for table in TABLES.values()}
"""Of each kind the fields that hold one of a few words: what a record promises beyond the types of its fields."""

KINDS: Mapping[str, sa.Table] = {table.name: _table(table) for table in TABLES.values()}

collections = sa.Table("collections", market, sa.Column("name", name(100), primary_key=True), **MYSQL)

dead_letters = sa.Table(
    "dead_letters",
    market,
    sa.Column("_id", name(MAX_LETTER_ID_CHARACTERS), primary_key=True),
    sa.Column("subject", AnyText(), nullable=False),
    sa.Column("headers", long_text(), nullable=False),
    sa.Column("source", name(255), nullable=False),
    sa.Column("position", AnyText(), nullable=False),
    sa.Column("message_time", sa.BigInteger),
    sa.Column("element", sa.BigInteger, nullable=False),
    sa.Column("reason", name(50), nullable=False),
    sa.Column("error", AnyText(), nullable=False),
    sa.Column("trace_id", AnyText()),
    sa.Column("first_seen", UtcTime(), nullable=False),
    sa.Column("last_seen", UtcTime(), nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("replayed_at", UtcTime()),
    sa.Column("data", long_bytes(), nullable=False),
    sa.Index(None, "first_seen"),
    sa.Index(None, "reason"),
    **MYSQL,
)

dead_letter_parts = sa.Table(
    "dead_letter_parts",
    market,
    sa.Column("_id", name(MAX_LETTER_ID_CHARACTERS), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", long_bytes(), nullable=False),
    **MYSQL,
)

conflicts = sa.Table(
    "conflicts",
    market,
    sa.Column("_id", name(MAX_LETTER_ID_CHARACTERS), primary_key=True),
    sa.Column("collection", name(100), nullable=False),
    sa.Column("key", AnyText(), nullable=False),
    sa.Column("stored", long_text(), nullable=False),
    sa.Column("incoming", long_text(), nullable=False),
    sa.Column("source", name(255), nullable=False),
    sa.Column("position", AnyText(), nullable=False),
    sa.Column("seen_at", UtcTime(), nullable=False),
    sa.Index(None, "seen_at"),
    **MYSQL,
)

documents = sa.Table(
    "documents",
    market,
    sa.Column("collection", name(63), primary_key=True),
    sa.Column("_id", DocumentId(), primary_key=True),
    sa.Column("body", long_text(), nullable=False),
    **MYSQL,
)
