"""Measures of a group, exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from storage.errors import RejectedError
from storage.queries.language import Accumulator, Measure
from storage.queries.ranks import NUMBER, kind_of, rank
from storage.values import MAX_INT, MIN_INT

_EXACT = Context(prec=100)
_CARRIED = Context(prec=34, rounding=ROUND_HALF_EVEN)


@dataclass(slots=True)
class Tally:
    """One measure of one group while its documents pass by."""

    measure: Measure
    count: int = 0
    total: int | Decimal = 0
    has_decimals: bool = False
    has_floats: bool = False
    value: Any = field(default=None)

    def take(self, document: Mapping[str, Any]) -> None:
        """Count a document in."""
        if self.measure.field is None:
            self.count += 1
            return
        self._take(document.get(self.measure.field))

    def _take(self, value: Any) -> None:
        match self.measure.accumulator:
            case Accumulator.LAST:
                self.value = value
            case Accumulator.FIRST:
                self.value = value if self.count == 0 else self.value
                self.count += 1
            case Accumulator.MIN | Accumulator.MAX:
                self._keep_extreme(value)
            case _:
                self._add(value)

    def _keep_extreme(self, value: Any) -> None:
        if value is None:
            return
        is_less = self.value is None or (rank(value) < rank(self.value))
        if self.value is None or is_less is (self.measure.accumulator is Accumulator.MIN):
            self.value = value

    def _add(self, value: Any) -> None:
        if kind_of(value) != NUMBER:
            return
        self.count += 1
        self.has_decimals |= isinstance(value, Decimal)
        self.has_floats |= isinstance(value, float)
        exact = Decimal(value) if isinstance(value, float) else value
        both_int = isinstance(self.total, int) and isinstance(exact, int)
        self.total = self.total + exact if both_int else _EXACT.add(self.total, exact)

    def result(self) -> Any:
        """The measure of the documents so far; None is absent."""
        if self.measure.field is None:
            return self.count
        match self.measure.accumulator:
            case Accumulator.SUM:
                return self._sum()
            case Accumulator.AVG:
                return self._average() if self.count else None
            case _:
                return self.value

    def _sum(self) -> int | float | Decimal:
        if self.has_floats and not self.has_decimals:
            return float(self.total)
        if isinstance(self.total, Decimal):
            return _CARRIED.plus(self.total)
        if self.measure.is_free and not MIN_INT <= self.total <= MAX_INT:
            raise RejectedError(f"the sum of {self.measure.field} does not fit into 64 bits")
        return self.total

    def _average(self) -> float | Decimal:
        mean = Fraction(self.total) / self.count
        if self.has_floats and not self.has_decimals:
            return float(mean)
        return _CARRIED.plus(Decimal(round(mean * 10**18)).scaleb(-18, _EXACT))
