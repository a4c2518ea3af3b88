"""Whether a document of Python values is one that a kind may have, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from storage.schemas.json_schema import table_of_kind
from storage.tables import Column, ColumnType
from storage.values import check_int, decimal_parts, exact_ms


class Problem(NamedTuple):
    """Where a document breaks its schema, and which rule: `price`, "type: 'float' is no Decimal"."""

    path: str
    rule: str


def validate_schema(kind: str, document: Mapping[str, Any]) -> bool:
    """Whether a document is one of this kind; raises ValueError for an unknown kind."""
    return not problems_of(kind, document)


def problems_of(kind: str, document: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with a document of Python values; raises ValueError for an unknown kind."""
    columns = {column.name: column for column in table_of_kind(kind).columns}
    return [*_of_key(document), *_missing(columns, document), *_wrong(columns, document)]


def _of_key(document: Mapping[str, Any]) -> Iterator[Problem]:
    if "_id" not in document:
        yield Problem("_id", "required")
    elif not isinstance(document["_id"], str) or not document["_id"]:
        yield Problem("_id", "type: no text, or empty")


def _missing(columns: Mapping[str, Column], document: Mapping[str, Any]) -> Iterator[Problem]:
    return (Problem(name, "required") for name, column in columns.items() if column.required and name not in document)


def _wrong(columns: Mapping[str, Column], document: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in document.items():
        if name == "_id":
            continue
        if name not in columns:
            yield Problem(str(name), "additionalProperties: no field of this kind")
            continue
        try:
            _CHECKS[columns[name].type](value)
        except (TypeError, ValueError, OverflowError) as error:
            yield Problem(name, f"type: {error}")


def _text(value: object) -> None:
    if not isinstance(value, str):
        raise _no("text", value)
    value.encode()


def _int(value: object) -> None:
    if type(value) is not int:
        raise _no("int", value)
    check_int(value)


def _bool(value: object) -> None:
    if type(value) is not bool:
        raise _no("bool", value)


def _decimal(value: Any) -> None:
    decimal_parts(value)


def _time(value: Any) -> None:
    if not hasattr(value, "utcoffset"):
        raise _no("datetime", value)
    exact_ms(value)


def _levels(value: object) -> None:
    if not isinstance(value, list | tuple):
        raise _no("list of [price, quantity]", value)
    for price, quantity in value:
        decimal_parts(price)
        decimal_parts(quantity)


def _no(wanted: str, value: object) -> TypeError:
    return TypeError(f"{value!r:.80} is no {wanted}")


_CHECKS: Mapping[ColumnType, Callable[[Any], None]] = {
    ColumnType.TEXT: _text,
    ColumnType.INT: _int,
    ColumnType.BOOL: _bool,
    ColumnType.DECIMAL: _decimal,
    ColumnType.TIME: _time,
    ColumnType.LEVELS: _levels,
}
