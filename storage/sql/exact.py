"""The column types of market data, each of which gives back exactly what it was given."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Dialect, LargeBinary, Numeric, String, Text, TypeDecorator, func
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine, UserDefinedType

Levels = tuple[tuple[Decimal, Decimal], ...]

_WIDE = Context(prec=100)
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)
_decode_levels = msgspec.json.Decoder(Levels).decode


def name(length: int) -> TypeEngine[str]:
    """Text of at most so many characters that compares by its code points (on MySQL by the table's collation)."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def words() -> TypeEngine[str]:
    """Text that compares as a name does, of at most 16,000 characters."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def long_text() -> TypeEngine[str]:
    """Text of any length."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql")


def long_bytes() -> TypeEngine[bytes]:
    """Bytes of any length."""
    return LargeBinary().with_variant(HexBlob(), "mysql")


class HexBlob(UserDefinedType[bytes]):
    """LONGBLOB of MySQL, sent as digits: aiomysql 0.3 and PyMySQL 1.2 together can send no bytes."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """How a table names it."""
        return "LONGBLOB"

    def bind_processor(self, dialect: Dialect) -> Callable[[bytes | None], str | None]:
        """The digits."""
        return lambda value: None if value is None else value.hex()

    def bind_expression(self, bindvalue: BindParameter[bytes]) -> ColumnElement[bytes]:
        """The bytes again, made by the server."""
        return func.unhex(bindvalue, type_=self)


class ExactNumber(TypeDecorator[Decimal]):
    """A number of 20 digits before the point and 18 after it, given back as the number that it was.

    PostgreSQL and SQLite keep trailing zeros too. SQLite has no decimals: there it is text, which compares
    by the collation of `storage.adapters.sql.sqlite`.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DECIMAL(38,18), NUMERIC, or text."""
        match dialect.name:
            case "mysql":
                return dialect.type_descriptor(Numeric(38, 18))
            case "sqlite":
                return dialect.type_descriptor(String(42))
        return dialect.type_descriptor(Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """SQLite's text has no exponent, so that other programs read it too."""
        return format(value, "f") if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """MySQL always says 18 digits after the point: those that tell nothing are left out."""
        if value is None:
            return None
        return _short(Decimal(value)) if dialect.name == "mysql" else Decimal(value)


class LevelsText(TypeDecorator[Levels]):
    """Levels of an order book as JSON text: [["7403.89", "0.002"], …]."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text of any length."""
        return dialect.type_descriptor(mysql.LONGTEXT() if dialect.name == "mysql" else Text())

    def process_bind_param(self, value: Levels | None, dialect: Dialect) -> str | None:
        """Decimals as text, as exchanges write them."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Levels | None:
        """Tuples of exact decimals."""
        return None if value is None else _decode_levels(value)


class _TextBytes(mysql.VARBINARY):
    """VARBINARY that is given text: the server keeps the bytes of its UTF-8."""

    def bind_processor(self, dialect: Dialect) -> None:
        """As it is."""


class DocumentId(TypeDecorator[str]):
    """An id of at most 512 bytes of UTF-8; MySQL would call two that differ in trailing spaces equal."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Bytes on MySQL."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(_TextBytes(512))
        return dialect.type_descriptor(String(512, collation="C" if dialect.name == "postgresql" else None))

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The text again."""
        return value.decode() if isinstance(value, bytes) else value


class AnyText(TypeDecorator[str]):
    """Text of any length that came from somewhere: with NULs, and surrogates spelled out.

    PostgreSQL takes no NUL in text, so there it stands as \\0 and a backslash is doubled.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text of any length."""
        return dialect.type_descriptor(mysql.LONGTEXT() if dialect.name == "mysql" else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Text that the server takes."""
        if value is None:
            return None
        text = value.encode(errors="backslashreplace").decode()
        return text.replace("\\", "\\\\").replace("\0", "\\0") if dialect.name == "postgresql" else text

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The text that was given."""
        if value is None or dialect.name != "postgresql":
            return value
        return _BACKSLASHED.sub(lambda found: "\0" if found[1] == "0" else found[1], value)


def _short(value: Decimal) -> Decimal:
    short = value.normalize(_WIDE)
    return short.quantize(Decimal(1), context=_WIDE) if int(short.as_tuple().exponent) > 0 else short
