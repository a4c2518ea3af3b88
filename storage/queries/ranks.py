"""Values of any types beside each other: which are equal, which come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

_NOTHING, NUMBER, _TEXT, _OTHER, _BYTES, _BOOL, _TIME = range(7)


def equal(found: Any, value: Any) -> bool:
    """Whether two values are of one kind and the same; objects and lists equal nothing."""
    kind = kind_of(found)
    return kind == kind_of(value) and kind != _OTHER and bool(found == value)


def is_in(found: Any, values: Iterable[Any]) -> bool:
    """Whether some value is equal."""
    return any(equal(found, value) for value in values)


def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """The comparison that holds between values of one kind only, and never of nothing."""

    def holds(found: Any, value: Any) -> bool:
        kind = kind_of(found)
        return kind == kind_of(value) and kind not in (_NOTHING, _OTHER) and compare(rank(found), rank(value))

    return holds


def kind_of(value: Any) -> int:
    """The kind of a value, in the order of kinds."""
    match value:
        case None:
            return _NOTHING
        case bool():
            return _BOOL
        case str():
            return _TEXT
        case datetime():
            return _TIME
        case bytes():
            return _BYTES
        case _:
            return NUMBER if isinstance(value, int | float | Decimal) else _OTHER


def rank(value: Any) -> tuple[Any, ...]:
    """Where a value stands among all others."""
    kind = kind_of(value)
    if kind in (_NOTHING, _OTHER):
        return (kind,)
    return (kind, len(value), value) if kind == _BYTES else (kind, value)


def frozen(value: Any) -> Any:
    """The value as something to group by."""
    match value:
        case dict():
            return _OTHER, dict, tuple((name, frozen(each)) for name, each in value.items())
        case list() | tuple():
            return _OTHER, list, tuple(map(frozen, value))
        case _:
            return kind_of(value), value
