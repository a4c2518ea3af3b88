"""Rows as values to bind, checked first: INSERT IGNORE would cut a long id and swallow a bad number."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import JSON, Column, Integer, String, Table
from sqlalchemy.types import TypeEngine

from storage.errors import RejectedError
from storage.sql.columns import MAX_TEXT_CHARACTERS, ExactDecimal, UtcTime

MAX_JSON_BYTES = 1 << 20
MAX_JSON_LEVELS = 20
"""MariaDB takes no JSON that is deeper than 32 levels."""


def bind_values(table: Table, row: msgspec.Struct) -> dict[str, Any]:
    """The values of a row by column; raises RejectedError that names the column that cannot be stored."""
    return {column.name: checked(column, getattr(row, column.name), type(row)) for column in table.columns}


def checked(column: Column[Any], value: Any, row: type[msgspec.Struct] | None = None) -> Any:
    """The value as it may be bound to that column; raises RejectedError otherwise."""
    if value is None and column.nullable:
        return None
    try:
        if value is None:
            raise ValueError("a value is needed")
        if row is not None:
            _check_choice(row, column.name, value)
        return _check_of(column.type)(column.type, value)
    except ValueError as error:
        raise RejectedError(f"{column.table.name}.{column.name}: {error}") from error


def _check_choice(row: type[msgspec.Struct], name: str, value: Any) -> None:
    choices = _choices(row).get(name)
    if choices is not None and value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(choices)}")


@cache
def _choices(row: type[msgspec.Struct]) -> Mapping[str, tuple[str, ...]]:
    hints = get_type_hints(row).items()
    return {name: get_args(hint) for name, hint in hints if get_origin(hint) is Literal}


def _check_of(type_: TypeEngine[Any]) -> Callable[[Any, Any], Any]:
    for known, check in _CHECKS.items():
        if isinstance(type_, known):
            return check
    raise TypeError(f"no check for columns of type {type_!r}")


def _time(_: UtcTime, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ValueError(f"expected a time with a time zone, not {value!r}")
    return value


def _decimal(type_: ExactDecimal, value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"expected a finite decimal, not {value!r}")
    if abs(value) >= 10 ** (type_.precision - type_.scale):
        raise ValueError(f"{value} has more than {type_.precision - type_.scale} digits before the point")
    return value


def _integer(type_: Integer, value: Any) -> int:
    bits = 63 if type_.__visit_name__ == "big_integer" else 31
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << bits) <= value < 1 << bits:
        raise ValueError(f"expected an integer of {bits + 1} bits, not {value!r}")
    return value


def _text(type_: String, value: Any) -> str:
    limit = type_.length or MAX_TEXT_CHARACTERS
    if not isinstance(value, str):
        raise ValueError(f"expected text, not {value!r}")
    if len(value) > limit:
        raise ValueError(f"{len(value)} characters, at most {limit} fit")
    return _clean(value)


def _clean(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("no database stores NUL characters or lone surrogates in text")
    return text


def _json(_: JSON, value: Any) -> Any:
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
    except TypeError as error:
        raise ValueError(str(error)) from error
    _check_json(plain, MAX_JSON_LEVELS)
    if len(to_json(plain).encode()) > MAX_JSON_BYTES:
        raise ValueError(f"more than {MAX_JSON_BYTES} bytes of JSON")
    return plain


def _check_json(value: Any, levels: int) -> None:
    if levels == 0:
        raise ValueError(f"nested deeper than {MAX_JSON_LEVELS} levels")
    match value:
        case str():
            _clean(value)
        case float() if not math.isfinite(value):
            raise ValueError(f"JSON has no {value}")
        case Mapping():
            for key, item in value.items():
                _clean(key)
                _check_json(item, levels - 1)
        case list() | tuple():
            for item in value:
                _check_json(item, levels - 1)


def to_json(value: Any) -> str:
    """The canonical JSON of plain values: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


_CHECKS: Mapping[type[TypeEngine[Any]], Callable[[Any, Any], Any]] = {
    UtcTime: _time,
    ExactDecimal: _decimal,
    Integer: _integer,
    JSON: _json,
    String: _text,
}
