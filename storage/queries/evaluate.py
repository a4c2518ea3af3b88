"""What a question means: answered from Python values. Every store answers as this does.

Between values of different types there is no order and no equality, but in sorting: absent and None first,
then numbers, text, objects and lists, bytes (the shorter first), bools, times. Objects and lists equal nothing.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from storage.errors import UnsupportedQuery
from storage.queries.language import (
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
    Project,
    Sort,
    SortKey,
    Stage,
)

Document = Mapping[str, Any]

MAX_HELD = 500_000
"""How many documents of a sort, and keys of a group, are in memory at most."""

_EXACT = Context(prec=100)
_CARRIED = Context(prec=34, rounding=ROUND_HALF_EVEN)
_NOTHING, _NUMBER, _TEXT, _OTHER, _BYTES, _BOOL, _TIME = range(7)


def matches(filter: Filter, document: Document) -> bool:
    """Whether the filter is true of the document."""
    match filter:
        case Compare(name, comparison, value):
            return _COMPARISONS[comparison](document.get(name), value)
        case Exists(name, present):
            return (name in document) is present
        case AllOf(parts):
            return all(matches(part, document) for part in parts)
        case AnyOf(parts):
            return any(matches(part, document) for part in parts)
        case Not(part):
            return not matches(part, document)


def run(pipeline: Sequence[Stage], documents: Iterable[Document]) -> Iterator[Document]:
    """The documents that the stages make of these, read one by one.

    A group keeps one row for each key in memory, a sort all documents, or with a limit right after it so many;
    raises UnsupportedQuery when these are more than MAX_HELD.
    """
    for index, stage in enumerate(pipeline):
        after = pipeline[index + 1] if index + 1 < len(pipeline) else None
        documents = _apply(stage, after, documents)
    return iter(documents)


def _apply(stage: Stage, after: Stage | None, documents: Iterable[Document]) -> Iterable[Document]:
    match stage:
        case Match(filter):
            return (document for document in documents if matches(filter, document))
        case Sort(keys):
            return _sorted(keys, after.count if isinstance(after, Limit) else None, documents)
        case Limit(count):
            return islice(documents, count)
        case Project(fields):
            return ({name: document[name] for name in fields if name in document} for document in documents)
        case Group():
            return _grouped(stage, documents)


def _equal(found: Any, value: Any) -> bool:
    kind = _kind(found)
    return kind == _kind(value) and kind != _OTHER and bool(found == value)


def _in(found: Any, values: Iterable[Any]) -> bool:
    return any(_equal(found, value) for value in values)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(found: Any, value: Any) -> bool:
        kind = _kind(found)
        return kind == _kind(value) and kind not in (_NOTHING, _OTHER) and compare(_rank(found), _rank(value))

    return holds


_COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: _equal,
    Operator.NE: lambda found, value: not _equal(found, value),
    Operator.GT: _ordered(operator.gt),
    Operator.GTE: _ordered(operator.ge),
    Operator.LT: _ordered(operator.lt),
    Operator.LTE: _ordered(operator.le),
    Operator.IN: _in,
    Operator.NIN: lambda found, values: not _in(found, values),
}


def _kind(value: Any) -> int:
    match value:
        case None:
            return _NOTHING
        case bool():
            return _BOOL
        case str():
            return _TEXT
        case datetime():
            return _TIME
        case bytes():
            return _BYTES
        case _:
            return _NUMBER if isinstance(value, int | float | Decimal) else _OTHER


def _rank(value: Any) -> tuple[Any, ...]:
    """Where a value stands among all others."""
    kind = _kind(value)
    if kind in (_NOTHING, _OTHER):
        return (kind,)
    return (kind, len(value), value) if kind == _BYTES else (kind, value)


class _Falling:
    """A rank in descending order."""

    def __init__(self, rank: tuple[Any, ...]) -> None:
        self.rank = rank

    def __lt__(self, other: _Falling) -> bool:
        return other.rank < self.rank

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Falling) and other.rank == self.rank


def _sorted(keys: Sequence[SortKey], count: int | None, documents: Iterable[Document]) -> Iterator[Document]:
    def place(document: Document) -> list[Any]:
        ranks = [(key.descending, _rank(document.get(key.field))) for key in keys]
        return [_Falling(rank) if descending else rank for descending, rank in ranks]

    if count is None or count > MAX_HELD:
        yield from sorted(_bounded(documents), key=place)
    else:
        yield from heapq.nsmallest(count, documents, key=place)


def _bounded(documents: Iterable[Document]) -> Iterator[Document]:
    for number, document in enumerate(documents):
        if number >= MAX_HELD:
            raise _too_many("documents to sort")
        yield document


def _too_many(what: str) -> UnsupportedQuery:
    return UnsupportedQuery(f"more than {MAX_HELD} {what}: narrow the question, or limit it")


def _grouped(group: Group, documents: Iterable[Document]) -> Iterator[Document]:
    tallies: dict[Any, tuple[Any, list[_Tally]]] = {}
    for document in documents:
        key = None if group.key is None else document.get(group.key)
        place = _frozen(key)
        if place not in tallies:
            if len(tallies) >= MAX_HELD:
                raise _too_many("keys to group by")
            tallies[place] = key, [_Tally(measure) for measure in group.measures]
        for tally in tallies[place][1]:
            tally.take(document)
    for key, measured in tallies.values():
        results = {tally.measure.name: tally.result() for tally in measured}
        yield {"_id": key} | {name: result for name, result in results.items() if result is not None}


def _frozen(value: Any) -> Any:
    match value:
        case dict():
            return _OTHER, tuple((name, _frozen(each)) for name, each in value.items())
        case list() | tuple():
            return _OTHER, tuple(map(_frozen, value))
        case _:
            return _kind(value), value


@dataclass(slots=True)
class _Tally:
    """One measure of one group while its documents pass by."""

    measure: Measure
    count: int = 0
    total: int | Decimal = 0
    has_decimals: bool = False
    has_floats: bool = False
    value: Any = field(default=None)

    def take(self, document: Document) -> None:
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
        is_less = self.value is None or (_rank(value) < _rank(self.value))
        if self.value is None or is_less is (self.measure.accumulator is Accumulator.MIN):
            self.value = value

    def _add(self, value: Any) -> None:
        if _kind(value) != _NUMBER:
            return
        self.count += 1
        self.has_decimals |= isinstance(value, Decimal)
        self.has_floats |= isinstance(value, float)
        exact = Decimal(value) if isinstance(value, float) else value
        both_int = isinstance(self.total, int) and isinstance(exact, int)
        self.total = self.total + exact if both_int else _EXACT.add(self.total, exact)

    def result(self) -> Any:
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
        return self.total if isinstance(self.total, int) else _CARRIED.plus(self.total)

    def _average(self) -> float | Decimal:
        mean = Fraction(self.total) / self.count
        if self.has_floats and not self.has_decimals:
            return float(mean)
        return _CARRIED.plus(Decimal(round(mean * 10**18)).scaleb(-18, _EXACT))
