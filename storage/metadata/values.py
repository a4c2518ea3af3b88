"""Rows as values to bind, checked first: INSERT IGNORE would cut a long id and swallow a bad number."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import JSON, Column, Integer, String, Table
from sqlalchemy.types import TypeEngine

from storage.errors import RejectedError
from storage.sql.columns import MAX_TEXT_CHARACTERS, ExactDecimal, UtcTime

MAX_JSON_BYTES = 1 << 20
MAX_JSON_LEVELS = 20
"""MariaDB takes no JSON that is deeper than 32 levels."""


Check = Callable[[Any], Any]
"""Gives a value as it may be bound; raises ValueError for one that may not."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def bind_values(table: Table, row: msgspec.Struct) -> dict[str, Any]:
    """The values of a row by column; raises RejectedError that names the column that cannot be stored."""
    try:
        return {name: check(getattr(row, name)) for name, check in _checks(table, type(row))}
    except ValueError:
        # Slower, and it knows the name.
        return {column.name: checked(column, getattr(row, column.name), type(row)) for column in table.columns}


def checked(column: Column[Any], value: Any, row: type[msgspec.Struct] | None = None) -> Any:
    """The value as it may be bound to that column; raises RejectedError otherwise."""
    try:
        return _check_of(column, row)(value)
    except ValueError as error:
        raise RejectedError(f"{column}: {error}") from error


@cache
def _checks(table: Table, row: type[msgspec.Struct]) -> tuple[tuple[str, Check], ...]:
    # Looked up once for each kind of row: lineage rows come by the ten thousand.
    return tuple((column.name, _check_of(column, row)) for column in table.columns)


def _check_of(column: Column[Any], row: type[msgspec.Struct] | None) -> Check:
    check = _check_of_type(column.type)
    choices = {} if row is None else _choices(row)
    if column.name in choices:
        check = partial(_choice, choices[column.name], check)
    return partial(_nullable, check) if column.nullable else check


def _choices(row: type[msgspec.Struct]) -> Mapping[str, tuple[str, ...]]:
    hints = get_type_hints(row).items()
    return {name: get_args(hint) for name, hint in hints if get_origin(hint) is Literal}


def _check_of_type(type_: TypeEngine[Any]) -> Check:
    for known, check_of in _CHECKS.items():
        if isinstance(type_, known):
            return check_of(type_)
    raise TypeError(f"no check for columns of type {type_!r}")


def _nullable(check: Check, value: Any) -> Any:
    return None if value is None else check(value)


def _choice(choices: tuple[str, ...], check: Check, value: Any) -> Any:
    if value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(choices)}")
    return check(value)


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ValueError(f"expected a time with a time zone, not {value!r}")
    return value


def _decimal(limit: int, value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"expected a finite decimal, not {value!r}")
    if not -limit < value < limit:
        raise ValueError(f"{value} has more than {len(str(limit)) - 1} digits before the point")
    return value


def _integer(limit: int, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -limit <= value < limit:
        raise ValueError(f"expected an integer of {limit.bit_length()} bits, not {value!r}")
    return value


def _text(limit: int, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, not {value!r}")
    if len(value) > limit:
        raise ValueError(f"{len(value)} characters, at most {limit} fit")
    return _clean(value)


def _clean(text: str) -> str:
    if "\0" in text or (not text.isascii() and _SURROGATE.search(text)):
        raise ValueError("no database stores NUL characters or lone surrogates in text")
    return text


def _json(value: Any) -> Any:
    if value is None:
        raise ValueError("a value is needed")
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
    except TypeError as error:
        raise ValueError(str(error)) from error
    _check_json(plain, MAX_JSON_LEVELS)
    if len(msgspec.json.encode(plain)) > MAX_JSON_BYTES:
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
        case dict():
            for key, item in value.items():
                _clean(key)
                _check_json(item, levels - 1)
        case list() | tuple():
            for item in value:
                _check_json(item, levels - 1)


def to_json(value: Any) -> str:
    """The canonical JSON of plain values: sorted keys, no spaces."""
    return _CANONICAL.encode(value)


_CHECKS: Mapping[type[TypeEngine[Any]], Callable[[Any], Check]] = {
    UtcTime: lambda _: _time,
    ExactDecimal: lambda type_: partial(_decimal, 10 ** (type_.precision - type_.scale)),
    Integer: lambda type_: partial(_integer, 1 << (63 if type_.__visit_name__ == "big_integer" else 31)),
    JSON: lambda _: _json,
    String: lambda type_: partial(_text, type_.length or MAX_TEXT_CHARACTERS),
}
"""How the check of a column is made from its type."""
