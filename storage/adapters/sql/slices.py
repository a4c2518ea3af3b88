"""One collection: its rows in the table of its kind, and how a row becomes a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import sqlalchemy as sa

from storage.adapters.base import Document
from storage.adapters.requests import meant_by
from storage.adapters.sql.schema import KINDS
from storage.tables import Table

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Slice:
    """The rows of one symbol (and timeframe) of a kind."""

    table: Table
    rows: sa.Table
    symbol: str
    timeframe: str | None

    @classmethod
    def of(cls, table: Table, collection: str) -> Self:
        """The slice that a collection's name means; the name must have been checked."""
        return cls(table, KINDS[table.name], *meant_by(table, collection))

    @property
    def where(self) -> Condition:
        """Whether a row belongs to the collection."""
        return sa.and_(self.rows.c.symbol == self.symbol, *self._timeframe)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of a document, in their order."""
        return ("_id", *(column.name for column in self.table.columns))

    @property
    def columns(self) -> list[sa.Column[Any]]:
        """The columns of `names`."""
        return [self.rows.c[name] for name in self.names]

    def keyed(self, keys: Sequence[str]) -> Condition:
        """Whether a row has one of these keys, by the primary key alone."""
        return sa.and_(*self._timeframe, self.rows.c["_id"].in_(keys))

    @property
    def _timeframe(self) -> list[Condition]:
        return [] if self.timeframe is None else [self.rows.c.timeframe == self.timeframe]


def document_of(names: Sequence[str], row: Sequence[Any]) -> Document:
    """The document of a row of these fields; absent fields are absent."""
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}
