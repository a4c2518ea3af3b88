"""Rows of what the packs of this store made, without a Python value for each cell where they are compiled."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from storage.adapters.local.schema import DECIMAL, TIME, lists, table_of, type_of
from storage.compiled import Texts, Values, columns
from storage.packed import Columns
from storage.tables import Column, ColumnType, Table

_COMPILED = columns()


def rows_of_packed(table: Table, items: Columns) -> pa.Table:
    """The rows of at least one record, in their order; raises what Arrow does for values that it cannot hold."""
    compiled = isinstance(items.bodies[0], bytes)
    made = _of_bytes(table, items.bodies) if compiled else _of_tuples(table, items.bodies)
    return table_of(table, items.keys, made)


def _of_bytes(table: Table, bodies: list[bytes]) -> list[pa.Array]:
    symbols, *values = _COMPILED[table.name](bodies)
    others = zip(table.columns[1:], values, strict=True)
    return [_texts(symbols, len(bodies)), *(_values(column, found, len(bodies)) for column, found in others)]


def _texts(texts: Texts, count: int) -> pa.Array:
    return pa.StringArray.from_buffers(count, *map(pa.py_buffer, texts))


def _values(column: Column, values: Values, count: int) -> pa.Array:
    absent, there, cells = values
    buffers = [pa.py_buffer(there) if absent else None, pa.py_buffer(cells)]
    return pa.Array.from_buffers(type_of(column), count, buffers, absent)


def _of_tuples(table: Table, bodies: list[tuple[Any, ...]]) -> list[pa.Array]:
    """Of texts and integers that Arrow casts."""
    return [_cast(*pair) for pair in zip(table.columns, zip(*bodies, strict=True), strict=True)]


def _cast(column: Column, values: tuple[Any, ...]) -> pa.Array:
    match column.type:
        case ColumnType.TIME:
            return pa.array(values, pa.int64()).cast(TIME)
        case ColumnType.DECIMAL:
            return pa.array(values, pa.string()).cast(DECIMAL)
        case ColumnType.LEVELS:
            return lists(values, lambda texts: pa.array(texts, pa.string()).cast(DECIMAL))
    return pa.array(values, type_of(column))
