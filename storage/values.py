"""What every store carries without loss; anything else is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from storage.records import Record
from storage.tables import ColumnType, Table
from storage.times import EPOCH

MAX_DIGITS = 34
MAX_WHOLE_DIGITS = 20
MAX_FRACTION_DIGITS = 18
MAX_INT = 2**63 - 1
MIN_INT = -(2**63)

_CEILINGS = {
    exponent: 10 ** min(MAX_DIGITS, MAX_WHOLE_DIGITS - exponent)
    for exponent in range(-MAX_FRACTION_DIGITS, MAX_WHOLE_DIGITS)
}


def decimal_parts(value: Decimal) -> tuple[int, int, int]:
    """Sign (0 or 1), coefficient and exponent; raises ValueError for what has too many digits or is no number."""
    if type(value) is not Decimal:
        raise TypeError(f"{value!r} is no Decimal")
    text = str(value)
    mantissa, _, power = text.partition("E")
    whole, _, fraction = mantissa.partition(".")
    coefficient = abs(int(whole + fraction))
    exponent = int(power or 0) - len(fraction)
    if coefficient >= _CEILINGS.get(exponent, 0):
        raise ValueError(
            f"{text[:80]} has more than {MAX_WHOLE_DIGITS} digits before the point, "
            f"{MAX_FRACTION_DIGITS} after it or {MAX_DIGITS} in all"
        )
    return int(text[0] == "-"), coefficient, exponent


def exact_ms(time: datetime) -> int:
    """The epoch in milliseconds; raises TypeError for a naive time, ValueError for one that is finer."""
    since = time - EPOCH
    milliseconds, rest = divmod(since.microseconds, 1000)
    if rest:
        raise ValueError(f"{time.isoformat()} is finer than a millisecond")
    return since.days * 86_400_000 + since.seconds * 1000 + milliseconds


def check_int(value: int) -> int:
    """The same number; raises OverflowError when it is wider than 64 bits."""
    if not MIN_INT <= value <= MAX_INT:
        raise OverflowError(f"{value} is wider than 64 bits")
    return value


def check(table: Table, record: Record) -> None:
    """Raise ValueError, TypeError or OverflowError for a record that not every store could carry."""
    for column in table.columns:
        value = getattr(record, column.name)
        if value is not None:
            _CHECKS[column.type](value)
        elif column.required:
            raise ValueError(f"{column.name} is missing")


def _check_bool(value: bool) -> None:
    if type(value) is not bool:
        raise TypeError(f"{value!r} is no bool")


def _check_levels(levels: tuple[tuple[Decimal, Decimal], ...]) -> None:
    for price, quantity in levels:
        decimal_parts(price)
        decimal_parts(quantity)


_CHECKS: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.TEXT: str.encode,
    ColumnType.INT: check_int,
    ColumnType.BOOL: _check_bool,
    ColumnType.DECIMAL: decimal_parts,
    ColumnType.TIME: exact_ms,
    ColumnType.LEVELS: _check_levels,
}
