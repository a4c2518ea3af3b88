"""The columns of the local store's files, in Arrow's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from storage.tables import Column, ColumnType, Table

SCHEMA_VERSION = 1

DECIMAL = pa.decimal128(38, 18)
TIME = pa.timestamp("ms", "UTC")
LEVELS = pa.list_(pa.field("element", pa.struct([("price", DECIMAL), ("quantity", DECIMAL)])))

_TYPES: Mapping[ColumnType, pa.DataType] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INT: pa.int64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.DECIMAL: DECIMAL,
    ColumnType.TIME: TIME,
    ColumnType.LEVELS: LEVELS,
}


def type_of(column: Column) -> pa.DataType:
    """The Arrow type of a column."""
    return _TYPES[column.type]


@cache
def schema_of(table: Table) -> pa.Schema:
    """The Arrow schema of a table: `_id`, then its columns; the metadata names kind and schema version."""
    columns = [pa.field(column.name, type_of(column)) for column in table.columns]
    about = {"tapestore.kind": table.name, "tapestore.schema": str(SCHEMA_VERSION)}
    return pa.schema([pa.field("_id", pa.string()), *columns], metadata=about)


def table_of(table: Table, keys: Sequence[str], columns: Sequence[pa.Array]) -> pa.Table:
    """Rows of these keys and columns."""
    return pa.Table.from_arrays([pa.array(keys, pa.string()), *columns], schema=schema_of(table))


def lists(values: Sequence[Any], decimals: Callable[[Sequence[Any]], pa.Array]) -> pa.Array:
    """A column of price levels, whose prices and quantities `decimals` makes."""
    offsets, flat = [0], []
    for levels in values:
        flat.extend(levels)
        offsets.append(len(flat))
    prices, quantities = zip(*flat, strict=True) if flat else ((), ())
    structs = pa.StructArray.from_arrays([decimals(prices), decimals(quantities)], fields=list(LEVELS.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=LEVELS)
