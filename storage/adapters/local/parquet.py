"""Records as Arrow columns, Arrow rows as documents: what the local store writes into its Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.base import Document
from storage.adapters.local.packed_rows import rows_of_packed
from storage.adapters.local.schema import DECIMAL, lists, schema_of, table_of, type_of
from storage.packed import Item, columns_of, plain
from storage.records import Level
from storage.tables import BOOK_TICKERS, DEPTH, Column, ColumnType, Table
from storage.times import from_ms

_SAFE_DECIMAL = Decimal(10) ** 16  # below it, 18 decimals are at most 34 digits: no need to look at each value


class NotEncodable(ValueError):
    """Some record among these cannot become a row; `refusals` tells which."""


def position_of(table: Table) -> str:
    """The integer or time column whose value the key alone decides.

    The same `_id` has the same position in every file, so only files whose range of positions covers
    it can hold it. Order books and their tops are keyed by update ids: their times may be the bus's.
    """
    return {DEPTH.name: "last_update_id", BOOK_TICKERS.name: "update_id"}.get(table.name, "timestamp")


def encode(table: Table, items: Sequence[Item]) -> pa.Table:
    """The records as rows, in their order; raises NotEncodable when any of them would not come back equal."""
    packed = columns_of(items)
    try:
        if packed:
            return rows_of_packed(table, packed)
        records = list(map(plain, items))
        return rows_of(table, [table.key(record) for record in records], records)
    except (ValueError, TypeError, OverflowError) as error:  # ArrowInvalid is a ValueError
        raise NotEncodable(str(error)) from error


def rows_of(table: Table, keys: Sequence[str], fields: Sequence[Any]) -> pa.Table:
    """Rows of these keys and of the attributes of these objects; raises ValueError, TypeError or OverflowError."""
    if not keys:
        return schema_of(table).empty_table()
    names = [column.name for column in table.columns]
    values = zip(*map(attrgetter(*names), fields), strict=True)
    columns = [_encode_column(*pair) for pair in zip(table.columns, values, strict=True)]
    return table_of(table, keys, columns)


def refusals(table: Table, records: Sequence[Item], first: int = 0) -> Iterator[tuple[int, str]]:
    """Which records cannot become rows: the index of each, counted from `first`, and the reason."""
    try:
        encode(table, records)
    except NotEncodable as error:
        if len(records) == 1:
            yield first, str(error)
            return
        half = len(records) // 2
        yield from refusals(table, records[:half], first)
        yield from refusals(table, records[half:], first + half)


def _encode_column(column: Column, values: tuple[Any, ...]) -> pa.Array:
    array = _ENCODERS.get(column.type, pa.array)(values, type_of(column))
    if column.required and array.null_count:
        raise NotEncodable(f"{column.name} is missing")
    return array


def _encode_decimals(values: Sequence[Decimal | None], kind: pa.DataType) -> pa.Array:
    array = pa.array(values, kind)
    extremes = pc.min_max(array).as_py()
    if extremes["min"] is not None and not -_SAFE_DECIMAL < extremes["min"] <= extremes["max"] < _SAFE_DECIMAL:
        _check_digits(values)
    return array


def _encode_times(values: Sequence[datetime | None], kind: pa.DataType) -> pa.Array:
    # Arrow takes a naive time for UTC and cuts microseconds off without a word.
    if None in {time.tzinfo for time in values if time is not None}:
        raise NotEncodable("a time has no time zone")
    return pa.array(values, pa.timestamp("us", "UTC")).cast(kind)


def _encode_levels(values: Sequence[Any], _: pa.DataType) -> pa.Array:
    return lists(values, lambda numbers: _encode_decimals(numbers, DECIMAL))


def _check_digits(values: Sequence[Decimal | None]) -> None:
    if any(value is not None and len(value.as_tuple().digits) > 34 for value in values):
        raise NotEncodable("a number has more than 34 digits")


_ENCODERS: Mapping[ColumnType, Callable[[Sequence[Any], pa.DataType], pa.Array]] = {
    ColumnType.DECIMAL: _encode_decimals,
    ColumnType.TIME: _encode_times,
    ColumnType.LEVELS: _encode_levels,
}


def documents(rows: pa.Table) -> list[Document]:
    """Rows as documents of Python values, in their order; null is absent."""
    columns = [_decode_column(rows.column(index)) for index in range(rows.num_columns)]
    return [
        {name: value for name, value in zip(rows.column_names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def pages(tables: Iterator[pa.Table], size: int) -> Iterator[list[Document]]:
    """The rows of many tables as lists of at most `size` documents."""
    for rows in tables:
        for start in range(0, rows.num_rows, size):
            yield documents(rows.slice(start, size))


def _decode_column(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [None if ms is None else from_ms(ms) for ms in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_decimal(column.type):
        return _decode_decimals(column)
    if pa.types.is_list(column.type):
        return list(_decode_levels(column.combine_chunks()))
    values: list[Any] = column.to_pylist()
    return values


def _decode_decimals(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    return [None if text is None else _decimal(text) for text in column.cast(pa.string()).to_pylist()]


def _decimal(text: str) -> Decimal:
    """The number without the zeros that pad it to 18 decimals; Arrow writes the very small ones as 1.00E-8."""
    if "E" in text:
        return Decimal(text).normalize()  # never rounds: below 1E-6 there are at most 12 digits
    return Decimal(text.rstrip("0").rstrip("."))


def _decode_levels(lists: pa.ListArray) -> Iterator[tuple[Level, ...]]:
    prices, quantities = map(_decode_decimals, lists.flatten().flatten())
    levels = zip(prices, quantities, strict=True)
    for length in pc.list_value_length(lists).to_pylist():
        yield tuple(islice(levels, length))


def arrange(table: Table, rows: pa.Table) -> pa.Table:
    """The rows in the order of time, one for each `_id`: the newest version, and of equal versions the first."""
    order = [("timestamp", "ascending"), ("_id", "ascending"), *((name, "descending") for name in table.version)]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    ids = rows.column("_id").combine_chunks()
    repeats = pc.equal(ids.slice(1), ids.slice(0, max(len(ids) - 1, 0)))
    if not pc.any(repeats).as_py():
        return rows
    return rows.filter(pa.concat_arrays([pa.array([True]), pc.invert(repeats)]))


def range_of(rows: pa.Table, column: str) -> tuple[int, int]:
    """The least and the greatest value of an integer column, or of a time column in epoch milliseconds."""
    extremes = pc.min_max(rows.column(column).cast(pa.int64())).as_py()
    return extremes["min"], extremes["max"]


def between(rows: pa.Table, column: str, first: int, last: int) -> pa.Table:
    """The rows whose value in `column` (an integer, or a time in epoch milliseconds) is in the range, both included."""
    return rows.filter(is_between(rows, column, first, last))


def is_between(rows: pa.Table, column: str, first: int, last: int) -> pa.ChunkedArray:
    """For each row, whether that is so."""
    values = rows.column(column).cast(pa.int64())
    # Scalars are made here: for a Python number Arrow looks for NumPy each time.
    from_first = pc.greater_equal(values, pa.scalar(first, pa.int64()))
    return pc.and_(from_first, pc.less_equal(values, pa.scalar(last, pa.int64())))
