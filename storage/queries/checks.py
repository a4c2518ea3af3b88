"""Values of questions: of the field's own type, in the one form that every store takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from storage.errors import RejectedError
from storage.tables import ColumnType
from storage.times import from_ms
from storage.values import check_int, decimal_parts, exact_ms

MAX_TEXT = 4096


def checked(field: str, type: ColumnType | None, value: object) -> Any:
    """The value as exact text, int, bool, Decimal or UTC datetime; raises RejectedError for any other.

    No type is a field of free documents, which takes each of these, finite floats and bytes.
    """
    try:
        return _free(value) if type is None else _CHECKS[type](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise RejectedError(f"{field}: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("text", value)
    if len(value) > MAX_TEXT:
        raise ValueError(f"text of {len(value)} characters; at most {MAX_TEXT} can be asked for")
    if "\0" in value:
        raise ValueError("text with a NUL, which some stores cannot compare")
    return str.encode(value).decode()


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("an int", value)
    return check_int(int(value))


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("a bool", value)
    return value


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise _wrong("a Decimal or an int", value)
    number = Decimal(value)
    decimal_parts(number)
    return number


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise _wrong("an aware datetime", value)
    if value.utcoffset() is None:
        raise ValueError(f"{value.isoformat()} is naive: say which time zone it is in")
    return from_ms(exact_ms(value))


def _levels(value: object) -> tuple[tuple[Decimal, Decimal], ...]:
    if not isinstance(value, list | tuple):
        raise _wrong("a sequence of (price, quantity)", value)
    return tuple((_decimal(price), _decimal(quantity)) for price, quantity in value)


def _float(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return float(value)


def _free(value: object) -> Any:
    match value:
        case str():
            return _text(value)
        case bool():
            return value
        case int():
            return _int(value)
        case float():
            return _float(value)
        case Decimal():
            return _decimal(value)
        case datetime():
            return _time(value)
        case bytes():
            return bytes(value)
        case _:
            raise _wrong("text, a number, a bool, a datetime or bytes", value)


def _wrong(wanted: str, value: object) -> TypeError:
    return TypeError(f"expected {wanted}, not {type(value).__name__}")


_CHECKS: Mapping[ColumnType, Callable[[object], Any]] = {
    ColumnType.TEXT: _text,
    ColumnType.INT: _int,
    ColumnType.BOOL: _bool,
    ColumnType.DECIMAL: _decimal,
    ColumnType.TIME: _time,
    ColumnType.LEVELS: _levels,
}
