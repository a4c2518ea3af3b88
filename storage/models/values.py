"""The values of an edge: exact or refused, before anything becomes a record."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from storage.tables import SYMBOL, TIMEFRAME
from storage.values import MAX_INT, MIN_INT, decimal_parts, exact_ms


def no_float(value: Any) -> Any:
    """The same value; raises ValueError for a float, which is not exact, and for a bool."""
    if isinstance(value, bool | float):
        raise ValueError("write it as text or as a Decimal: a float is not exact")
    return value


def _exact(value: Decimal) -> Decimal:
    decimal_parts(value)
    return value


def _no_number(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError("write it as ISO 8601 with its time zone: a number does not say its unit")
    return value


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("it is naive: say which time zone it is in")
    exact_ms(value)
    return value.astimezone(UTC)


def _symbol(value: str) -> str:
    if not SYMBOL.fullmatch(symbol := value.upper()):
        raise ValueError("a symbol has letters, digits, '_' and '-', at most 64")
    return symbol


def _timeframe(value: str) -> str:
    if not TIMEFRAME.fullmatch(value):
        raise ValueError("a timeframe is one such as 1m or 4h")
    return value


Exact = Annotated[Decimal, Field(allow_inf_nan=False), BeforeValidator(no_float), AfterValidator(_exact)]
"""A decimal with 20 digits before and 18 after the point, 34 in all; from text, int or Decimal."""

Time = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_utc)]
"""An aware time in whole milliseconds, turned to UTC; from a datetime or ISO 8601."""

Int64 = Annotated[int, Field(strict=True, ge=MIN_INT, le=MAX_INT)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
Percent = Annotated[Exact, Field(ge=0, le=100)]
Symbol = Annotated[str, AfterValidator(_symbol)]
"""Turned to upper case."""
Timeframe = Annotated[str, AfterValidator(_timeframe)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
