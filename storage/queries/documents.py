"""Free documents: what of them every store keeps exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storage.errors import RejectedError
from storage.times import from_ms
from storage.values import check_int, decimal_parts, exact_ms

MAX_ID_BYTES = 512
MAX_NESTING = 50


def check_documents(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copies of the documents, `_id` first, of None, bool, int, float, Decimal, text, bytes, UTC datetime,
    list and dict; tuples become lists.

    Raises RejectedError for what not every store keeps exactly: an `_id` that is no text of 1 to 512 bytes, or
    is there twice; a name that is no text, is empty, begins with $ or holds a NUL; an int beyond 64 bits, a
    Decimal beyond 20 digits before and 18 after the point (34 in all), a float that is no number, a time that
    is naive or finer than a millisecond, text that is no Unicode, nesting beyond 50.
    """
    copies = [_document(document) for document in documents]
    if len({copy["_id"] for copy in copies}) < len(copies):
        raise RejectedError("an _id is there twice")
    return copies


def same_document(one: Any, other: Any) -> bool:
    """Whether two documents, or two values of them, say the same: Decimals numerically, names in any order."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_document(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_document, one, other))
    return type(one) is type(other) and bool(one == other)


def _document(document: object) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise RejectedError(f"a document is a mapping, not {type(document).__name__}")
    id = document.get("_id")
    try:
        _check_id(id)
        copy = _object(document, 0)
    except (TypeError, ValueError, OverflowError) as error:
        raise RejectedError(f"the document {str(id)[:80]!r} cannot be kept: {error}") from error
    return {"_id": copy.pop("_id"), **copy}


def _check_id(id: object) -> None:
    if not isinstance(id, str):
        raise TypeError("its _id is no text")
    if not 1 <= len(id.encode()) <= MAX_ID_BYTES or "\0" in id:
        raise ValueError(f"its _id has not 1 to {MAX_ID_BYTES} bytes, or holds a NUL")


def _object(value: Mapping[Any, Any], nesting: int) -> dict[str, Any]:
    if nesting > MAX_NESTING:
        raise ValueError(f"it is nested deeper than {MAX_NESTING}")
    return {_name(name): _value(each, nesting + 1) for name, each in value.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or name.startswith("$") or "\0" in name:
        raise ValueError(f"{str(name)[:80]!r} is no name: text that is not empty, without $ in front or a NUL")
    return name.encode().decode()


def _value(value: object, nesting: int) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return value.encode().decode()
        case int():
            return check_int(int(value))
        case Decimal():
            decimal_parts(value)
            return value
        case datetime():
            return _time(value)
        case bytes():
            return bytes(value)
        case _:
            return _float(value) if isinstance(value, float) else _container(value, nesting)


def _container(value: object, nesting: int) -> Any:
    if isinstance(value, Mapping):
        return _object(value, nesting)
    if not isinstance(value, list | tuple):
        raise TypeError(f"it holds a {type(value).__name__}")
    if nesting > MAX_NESTING:
        raise ValueError(f"it is nested deeper than {MAX_NESTING}")
    return [_value(each, nesting + 1) for each in value]


def _float(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return float(value)


def _time(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError(f"{value.isoformat()} is naive")
    return from_ms(exact_ms(value))
