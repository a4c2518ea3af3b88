"""Questions in the words of MongoDB: a value stands only where the server takes it for a value.

In a `$match` that is so for whatever stands behind an operator. Names were checked by `storage.queries`: none
begins with a `$` or holds a dot. What the server would answer otherwise than `storage.queries.evaluate` is
put differently: it looks into lists, and it sums whole numbers in 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bson import Decimal128, Int64

from storage.adapters.base import Document
from storage.adapters.mongodb.documents import to_levels
from storage.queries import (
    Accumulator,
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Group,
    Limit,
    Match,
    Measure,
    Not,
    Operator,
    Pipeline,
    Project,
    Sort,
    SortKey,
    Stage,
)
from storage.tables import ColumnType, Table

Words = dict[str, Any]

_NOTHING: Words = {"$nor": [{}]}
_NO_LIST: Words = {"$not": {"$type": "array"}}
_OPPOSITES = {Operator.NE: Operator.EQ, Operator.NIN: Operator.IN}
_PLACE = "place of "
_WHOLE = "whole of "
_NO_NUMBER = Decimal128("NaN")
_FRACTION_DIGITS = 18


def filter_of(filter: Filter) -> Words:
    """A filter as the server reads it."""
    match filter:
        case Compare(field, operator, value) if operator in _OPPOSITES:
            return {"$nor": [filter_of(Compare(field, _OPPOSITES[operator], value))]}
        case Compare(field, operator, value):
            plain = list(value) if isinstance(value, tuple) else value
            return {"$and": [{field: {operator.value: plain}}, {field: _NO_LIST}]}
        case Exists(field, present):
            return {field: {"$exists": present}}
        case AllOf(parts):
            return {"$and": [filter_of(part) for part in parts]} if parts else {}
        case AnyOf(parts):
            return {"$or": [filter_of(part) for part in parts]} if parts else _NOTHING
        case Not(part):
            return {"$nor": [filter_of(part)]}


def stages_of(table: Table | None, pipeline: Pipeline) -> list[Words]:
    """The stages of a pipeline over a table's documents, or free ones, as the server reads them."""
    return [words for stage in pipeline for words in _stages(stage, is_free=table is None)]


def _stages(stage: Stage, *, is_free: bool) -> Iterator[Words]:
    match stage:
        case Match(filter):
            yield {"$match": filter_of(filter)}
        case Group():
            yield from _group(stage, is_free=is_free)
        case Sort(keys):
            yield from _free_sort(keys) if is_free else [{"$sort": _directions(keys)}]
        case Limit(count):
            yield {"$limit": count}
        case Project(fields):
            yield {"$project": {"_id": 0} | dict.fromkeys(fields, 1)}


def _directions(keys: tuple[SortKey, ...], prefix: str = "") -> Words:
    return {f"{prefix}{key.field}": -1 if key.descending else 1 for key in keys}


def _free_sort(keys: tuple[SortKey, ...]) -> Iterator[Words]:
    """Lists and objects all have one place; the server would sort a list by one of its elements."""
    values = {key.field: f"${key.field}" for key in keys}
    is_compound = {name: {"$in": [{"$type": value}, ["array", "object"]]} for name, value in values.items()}
    yield {"$set": {f"{_PLACE}{name}": {"$cond": [is_compound[name], {}, values[name]]} for name in values}}
    yield {"$sort": _directions(keys, _PLACE)}
    yield {"$unset": [f"{_PLACE}{name}" for name in values]}


def _group(group: Group, *, is_free: bool) -> Iterator[Words]:
    """The server says null where a measure is of nothing."""
    accumulated = {measure.name: _accumulate(measure, is_free=is_free) for measure in group.measures}
    whole = {
        f"{_WHOLE}{measure.name}": _accumulate_whole(measure) for measure in group.measures if _is_free_sum(measure)
    }
    yield {"$group": {"_id": None if group.key is None else f"${group.key}"} | accumulated | whole}
    if group.measures:
        yield {"$set": {measure.name: {"$ifNull": [_finish(measure), "$$REMOVE"]} for measure in group.measures}}
    if whole:
        yield {"$unset": list(whole)}


def _accumulate(measure: Measure, *, is_free: bool) -> Words:
    """Sums of a table's columns are decimals on the way; those of free fields keep the kind of their numbers."""
    if measure.field is None:
        return {"$sum": 1}
    value: Any = f"${measure.field}"
    if measure.accumulator is Accumulator.AVG or (measure.accumulator is Accumulator.SUM and not is_free):
        is_exact = {"$in": [{"$type": value}, ["int", "long", "decimal"]]}
        value = {"$cond": [is_exact, {"$toDecimal": value}, value]}
    return {measure.accumulator.value: value}


def _is_free_sum(measure: Measure) -> bool:
    return measure.is_free and measure.accumulator is Accumulator.SUM


def _accumulate_whole(measure: Measure) -> Words:
    """The exact sum of whole numbers, and no number as soon as there is another: the server's own becomes a float."""
    value = f"${measure.field}"
    branches = [
        {"case": {"$in": [{"$type": value}, ["int", "long"]]}, "then": {"$toDecimal": value}},
        {"case": {"$in": [{"$type": value}, ["double", "decimal"]]}, "then": _NO_NUMBER},
    ]
    return {"$sum": {"$switch": {"branches": branches, "default": 0}}}


def _finish(measure: Measure) -> Any:
    value = f"${measure.name}"
    if _is_free_sum(measure):
        whole = f"${_WHOLE}{measure.name}"
        return {"$cond": [{"$eq": [whole, _NO_NUMBER]}, value, {"$toLong": whole}]}
    return {"$round": [value, _FRACTION_DIGITS]} if measure.accumulator is Accumulator.AVG else value


def reader_of(table: Table | None, pipeline: Pipeline) -> Callable[[Words], Document]:
    """What makes a Document of each answer: whole numbers whole, levels as tuples, fields in their order."""
    whole, order = _whole_fields(table, pipeline), _order(pipeline)

    def read(found: Words) -> Document:
        values = {name: _value(value, name in whole, table is None) for name, value in found.items()}
        return values if order is None else {name: values[name] for name in order if name in values}

    return read


def _value(value: Any, is_whole: bool, is_free: bool) -> Any:
    if is_whole and value is not None:
        return int(value)
    return to_levels(value) if isinstance(value, list) and not is_free else value


def _whole_fields(table: Table | None, pipeline: Pipeline) -> set[str]:
    """The fields of the answers that are whole numbers: their sums come as decimals, exact beyond 64 bits."""
    whole = {column.name for column in table.columns if column.type is ColumnType.INT} if table else set[str]()
    for stage in pipeline:
        if isinstance(stage, Group):
            measures = {measure.name for measure in stage.measures if _is_whole(measure, whole)}
            whole = measures | ({"_id"} if stage.key in whole else set())
    return whole


def _is_whole(measure: Measure, whole: set[str]) -> bool:
    return measure.field is None or (measure.field in whole and measure.accumulator is not Accumulator.AVG)


def _order(pipeline: Pipeline) -> tuple[str, ...] | None:
    """The fields that the last projection names, in its order, which the server does not keep."""
    shapes = [stage for stage in pipeline if isinstance(stage, Project | Group)]
    return shapes[-1].fields if shapes and isinstance(shapes[-1], Project) else None


def update_of(changes: Mapping[str, Any]) -> Words:
    """An update that sets fields to values and removes those that are None; a small int is an int64 too."""
    kept = {name: Int64(value) if type(value) is int else value for name, value in changes.items() if value is not None}
    gone = {name: "" for name, value in changes.items() if value is None}
    return {operator: fields for operator, fields in (("$set", kept), ("$unset", gone)) if fields}


def differing(changes: Mapping[str, Any]) -> Words:
    """A filter of the documents that these changes would change; the server takes 1.0 and 1.00 for two values."""
    same = [{name: {"$exists": False} if value is None else {"$eq": value}} for name, value in changes.items()]
    return {"$nor": [{"$and": same}]}
