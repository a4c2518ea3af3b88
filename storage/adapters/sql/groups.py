"""Groups of rows as one statement, and how its rows become documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from storage.adapters.base import Document
from storage.adapters.sql.dialects import Expression, comparable, extremal, python_value, total
from storage.adapters.sql.plans import Plan
from storage.queries import Accumulator, Group, Measure
from storage.tables import ColumnType

_EXACT = Context(prec=100)
_CARRIED = Context(prec=34, rounding=ROUND_HALF_EVEN)
_UP, _DOWN = "place_up", "place_down"


@dataclass(frozen=True)
class Grouping:
    """One `$group` of the rows of a plan."""

    plan: Plan
    group: Group

    def statement(self) -> sa.Select[Any]:
        """The key, and two columns for each measure."""
        source = self._source()
        key = self._key(source)
        measures = [column for measure in self.group.measures for column in self._measure(source, measure)]
        columns = [column.label(f"c{number}") for number, column in enumerate([key, *measures])]
        statement = sa.select(*columns).select_from(source)
        if self.group.key is None:
            return statement.having(sa.func.count() > 0)
        return statement.group_by(key)

    def document(self, row: Sequence[Any]) -> Document:
        """The document of one group."""
        key = None if self.group.key is None else python_value(self.plan.types[self.group.key], row[0])
        pairs = zip(self.group.measures, row[1::2], row[2::2], strict=True)
        values = {measure.name: self._value(measure, value, count) for measure, value, count in pairs}
        return {"_id": key} | {name: value for name, value in values.items() if value is not None}

    def _source(self) -> sa.Subquery:
        """All rows, each with its place in its group from either end where somebody asks for the first or last."""
        rows = self.plan.everything()
        if not any(measure.accumulator in (Accumulator.FIRST, Accumulator.LAST) for measure in self.group.measures):
            return rows
        keys = [self._key(rows)] if self.group.key is not None else None
        places = [
            sa.func.row_number().over(partition_by=keys, order_by=self.plan.ordering(rows, reverse=reverse)).label(name)
            for name, reverse in ((_UP, False), (_DOWN, True))
        ]
        return sa.select(*rows.c, *places).subquery()

    def _key(self, source: sa.Subquery) -> Expression:
        if self.group.key is None:
            return sa.literal(0)
        column = source.c[self.group.key]
        return sa.type_coerce(comparable(self.plan.dialect, self.plan.types[self.group.key], column), column.type)

    def _measure(self, source: sa.Subquery, measure: Measure) -> tuple[Expression, Expression]:
        """The measure, and of how many values it is."""
        if measure.field is None:
            return sa.func.count(), sa.func.count()
        column, type = source.c[measure.field], self.plan.types[measure.field]
        count = sa.func.count(column)
        extreme = extremal(self.plan.dialect, type, column)
        match measure.accumulator:
            case Accumulator.MIN:
                return sa.func.min(extreme), count
            case Accumulator.MAX:
                return sa.func.max(extreme), count
            case Accumulator.FIRST:
                return sa.func.max(sa.case((source.c[_UP] == 1, extreme))), count
            case Accumulator.LAST:
                return sa.func.max(sa.case((source.c[_DOWN] == 1, extreme))), count
        return sa.type_coerce(total(self.plan.dialect, column), sa.types.NullType()), count

    def _value(self, measure: Measure, value: Any, count: int) -> Any:
        if measure.field is None:
            return count
        type = self.plan.types[measure.field]
        match measure.accumulator:
            case Accumulator.SUM if count == 0:
                return 0
            case Accumulator.SUM:
                return int(value) if type is ColumnType.INT else _CARRIED.plus(Decimal(value))
            case Accumulator.AVG:
                return _mean(Decimal(value), count) if count else None
        return python_value(type, value)


def _mean(total: Decimal, count: int) -> Decimal:
    """Rounded half-even to 18 decimals, and to the 34 digits that every store carries."""
    return _CARRIED.plus(Decimal(round(Fraction(total) / count * 10**18)).scaleb(-18, _EXACT))
