"""The column types that MySQL, PostgreSQL and SQLite do not spell alike."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Numeric, String, TypeDecorator
from sqlalchemy.types import TypeEngine

from storage.sql.dialects import dialect_module
from storage.times import from_ms, to_ms

MAX_TEXT_CHARACTERS = 16_000
"""Characters that a Text column takes: MySQL's TEXT ends at 65,535 bytes."""


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time in whole milliseconds, in and out; a naive time raises ValueError.

    Drivers give naive times back, and store an aware time that is not UTC unconverted.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """DATETIME(3), TIMESTAMPTZ(3), or SQLite's text that sorts."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(dialect_module("mysql").DATETIME(fsp=3))
        if dialect.name == "postgresql":
            return dialect.type_descriptor(dialect_module("postgresql").TIMESTAMP(timezone=True, precision=3))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Floor to milliseconds first: PostgreSQL would round, MySQL would cut."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"a time needs a time zone: {value}")
        utc = from_ms(to_ms(value))
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the driver gives, as an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """DECIMAL(precision, scale), rounded towards zero: a score never looks better than it is.

    SQLite has no decimals, so there it is exact text; it does not sort as a number.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision, self.scale = precision, scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A number where there are decimals, else text."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(self.precision + 2))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """Round here, because each database would round in its own way."""
        if value is None:
            return None
        exact = value.quantize(Decimal(1).scaleb(-self.scale), ROUND_DOWN)
        return format(exact, "f") if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The text of SQLite as the number that it is."""
        return None if value is None else Decimal(value)


class _Jsonb(JSON):
    """JSONB by its name alone: SQLAlchemy's own would bring the dialect of PostgreSQL along for everybody."""

    __visit_name__ = "JSONB"


def Json() -> TypeEngine[Any]:  # noqa: N802 - it stands where a type stands
    """JSON on MySQL and SQLite, JSONB on PostgreSQL; None is NULL."""
    return JSON(none_as_null=True).with_variant(_Jsonb(none_as_null=True), "postgresql")
