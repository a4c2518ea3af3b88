"""Exact decimals in SQLite, which has none: text that compares and adds up as the numbers that it stands for."""

from __future__ import annotations

import sqlite3
from decimal import Context, Decimal
from typing import Any

COLLATION = "tapestore_decimal"
SUM = "tapestore_sum"

_EXACT = Context(prec=100)


class DecimalConnection(sqlite3.Connection):
    """A connection that knows decimals."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.create_collation(COLLATION, _compare)
        self.create_aggregate(SUM, 1, _Sum)  # type: ignore[arg-type] # typeshed knows sums of ints only


def _compare(one: str, other: str) -> int:
    return int(Decimal(one).compare(Decimal(other), context=_EXACT))


class _Sum:
    """The exact sum of what is not NULL, as text; NULL of nothing."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: Any) -> None:
        """Add one value: text, or an integer."""
        if value is not None:
            self._total = _EXACT.add(self._total or Decimal(0), Decimal(value))

    def finalize(self) -> str | None:
        """The sum."""
        return None if self._total is None else str(self._total)
