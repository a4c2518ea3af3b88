"""Filters as Arrow masks, and what a question needs to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.local.reader import EVERYTHING, Span
from storage.queries import (
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Group,
    Match,
    Not,
    Operator,
    Pipeline,
    Project,
    Sort,
)
from storage.times import to_ms


def mask(filter: Filter, rows: pa.Table) -> Any:
    """For each row, whether the filter is true of it; never null."""
    match filter:
        case Compare(field, operator, value):
            return _compare(rows.column(field), operator, value)
        case Exists(field, present):
            there = pc.is_valid(rows.column(field))
            return there if present else pc.invert(there)
        case AllOf(parts):
            return reduce(pc.and_, [mask(part, rows) for part in parts], pa.repeat(True, rows.num_rows))
        case AnyOf(parts):
            return reduce(pc.or_, [mask(part, rows) for part in parts], pa.repeat(False, rows.num_rows))
        case Not(part):
            return pc.invert(mask(part, rows))


def matching(filter: Filter, rows: pa.Table) -> pa.Table:
    """The rows of which the filter is true."""
    return rows if filter == AllOf(()) else rows.filter(mask(filter, rows))


def _compare(column: pa.ChunkedArray, operator: Operator, value: Any) -> Any:
    match operator:
        case Operator.EQ:
            return _is_in(column, [value])
        case Operator.NE:
            return pc.invert(_is_in(column, [value]))
        case Operator.IN:
            return _is_in(column, value)
        case Operator.NIN:
            return pc.invert(_is_in(column, value))
        case _:
            holds = _ORDERS[operator](column, _array(column.type, [value])[0])
            return pc.fill_null(holds, False)


_ORDERS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.GT: pc.greater,
    Operator.GTE: pc.greater_equal,
    Operator.LT: pc.less,
    Operator.LTE: pc.less_equal,
}


def _is_in(column: pa.ChunkedArray, values: Iterable[Any]) -> Any:
    listed = list(values)
    found = pc.is_in(column, value_set=_array(column.type, [value for value in listed if value is not None]))
    return pc.or_(found, pc.is_null(column)) if None in listed else found


def _array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    return pa.array(map(to_ms, values) if pa.types.is_timestamp(kind) else values, kind)


def span_of(filter: Filter) -> Span:
    """The times outside which the filter is true of nothing."""
    match filter:
        case Compare("timestamp", operator, value) if value is not None and operator in _SPANS:
            return _SPANS[operator](to_ms(value))
        case AllOf(parts):
            spans = [EVERYTHING, *map(span_of, parts)]
            return Span(max(span.first for span in spans), min(span.last for span in spans))
        case _:
            return EVERYTHING


_SPANS: Mapping[Operator, Callable[[int], Span]] = {
    Operator.EQ: lambda time: Span(time, time),
    Operator.GT: lambda time: Span(first=time + 1),
    Operator.GTE: lambda time: Span(first=time),
    Operator.LT: lambda time: Span(last=time - 1),
    Operator.LTE: lambda time: Span(last=time),
}


def columns_needed(pipeline: Pipeline) -> set[str] | None:
    """The fields that the pipeline looks at, up to the stage that drops all others; None when it is all of them."""
    names: set[str] = set()
    for stage in pipeline:
        match stage:
            case Match(filter):
                names |= _fields(filter)
            case Sort(keys):
                names |= {key.field for key in keys}
            case Project(fields):
                return names | set(fields)
            case Group(key, measures):
                return names | {name for name in (key, *(each.field for each in measures)) if name is not None}
    return None


def _fields(filter: Filter) -> set[str]:
    match filter:
        case Compare(field) | Exists(field):
            return {field}
        case AllOf(parts) | AnyOf(parts):
            return set[str]().union(*map(_fields, parts))
        case Not(part):
            return _fields(part)
