"""A question about market data as one statement, in expressions of SQLAlchemy and never as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from storage.adapters.sql.dialects import Expression, bound, comparable
from storage.adapters.sql.slices import Condition, Slice
from storage.queries import (
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Limit,
    Match,
    Not,
    Operator,
    Project,
    Sort,
    SortKey,
    Stage,
)
from storage.tables import ColumnType

_ORDERS = {
    Operator.GT: sa.ColumnElement.__gt__,
    Operator.GTE: sa.ColumnElement.__ge__,
    Operator.LT: sa.ColumnElement.__lt__,
    Operator.LTE: sa.ColumnElement.__le__,
}


class Plan:
    """The rows of a slice after some stages, none of which groups."""

    def __init__(self, slice: Slice, dialect: str) -> None:
        self.dialect = dialect
        self.types = {"_id": ColumnType.TEXT} | {column.name: column.type for column in slice.table.columns}
        self.names: Sequence[str] = slice.names
        self.order: tuple[SortKey, ...] = ()
        self.count: int | None = None
        self._slice = slice
        self._required = {"_id"} | {column.name for column in slice.table.columns if column.required}
        self._source: sa.FromClause = slice.rows
        self._conditions: list[Condition] = [slice.where]

    def add(self, stage: Stage) -> None:
        """Take one more stage; what stands after a limit is asked of what the limit left."""
        if self.count is not None and isinstance(stage, Match | Sort):
            self._nest()
        match stage:
            case Match(filter):
                self._conditions.append(self.condition(filter))
            case Sort(keys):
                self.order = keys
            case Limit(count):
                self.count = count if self.count is None else min(count, self.count)
            case Project(fields):
                self.names = fields

    @property
    def where(self) -> Condition:
        """Whether a row of the slice's table is among the answers, as long as no limit was set."""
        return sa.and_(*self._conditions)

    def statement(self) -> sa.Select[Any]:
        """The statement that gives the columns of `names`."""
        return self._select([self.column(name) for name in self.names])

    @property
    def is_nested(self) -> bool:
        """Whether the rows are no longer those of the slice's own table."""
        return self._source is not self._slice.rows

    def differs(self, name: str, value: Any) -> Condition:
        """Whether a field is not yet as it shall be; levels differ by their text."""
        return sa.not_(self._one_of(name, [value]))

    def everything(self) -> sa.Subquery:
        """All columns of the rows, to group."""
        return self._select([self.column(name) for name in self._slice.names]).subquery()

    def column(self, name: str) -> Expression:
        """The column of a field."""
        return self._source.c[name]

    def condition(self, filter: Filter) -> Condition:
        """The filter; like it, true or false of each row and never unknown."""
        match filter:
            case Compare(name, operator, value):
                return self._compare(name, operator, value)
            case Exists(name, present):
                return sa.not_(self._absent(name)) if present else self._absent(name)
            case AllOf(parts):
                return sa.and_(sa.true(), *map(self.condition, parts))
            case AnyOf(parts):
                return sa.or_(sa.false(), *map(self.condition, parts))
            case Not(part):
                return sa.not_(self.condition(part))

    def _select(self, columns: Sequence[Expression]) -> sa.Select[Any]:
        rows = sa.select(*columns).where(*self._conditions)
        return rows.order_by(*self.ordering(self._source)).limit(self.count)

    def ordering(self, source: sa.FromClause, *, reverse: bool = False) -> list[Expression]:
        """What to order the rows of a source by: absent values first ascending and last descending."""
        return [
            part.desc() if key.descending is not reverse else part.asc()
            for key in self.order
            for part in self._places(key, source.c[key.field])
        ]

    def _places(self, key: SortKey, column: Expression) -> list[Expression]:
        there = [] if key.field in self._required else [sa.case((column.is_(None), 0), else_=1)]
        return [*there, comparable(self.dialect, self.types[key.field], column)]

    def _nest(self) -> None:
        self._source = self.everything()
        self._conditions, self.count = [sa.true()], None

    def _absent(self, name: str) -> Condition:
        return sa.false() if name in self._required else self.column(name).is_(None)

    def _compare(self, name: str, operator: Operator, value: Any) -> Condition:
        match operator:
            case Operator.EQ:
                return self._one_of(name, [value])
            case Operator.NE:
                return sa.not_(self._one_of(name, [value]))
            case Operator.IN:
                return self._one_of(name, value)
            case Operator.NIN:
                return sa.not_(self._one_of(name, value))
        return self._if_there(name, _ORDERS[operator](self._comparable(name), self._bound(name, value)))

    def _one_of(self, name: str, values: Sequence[Any]) -> Condition:
        there = [self._bound(name, value) for value in values if value is not None]
        equal = self._if_there(name, self._comparable(name).in_(there)) if there else sa.false()
        return sa.or_(self._absent(name), equal) if None in values else equal

    def _if_there(self, name: str, condition: Condition) -> Condition:
        return condition if name in self._required else sa.and_(self.column(name).is_not(None), condition)

    def _comparable(self, name: str) -> Expression:
        return comparable(self.dialect, self.types[name], self.column(name))

    def _bound(self, name: str, value: Any) -> Expression:
        return bound(self.dialect, self.types[name], self.column(name), value)
