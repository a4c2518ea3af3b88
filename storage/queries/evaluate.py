"""What a question means: answered from Python values. Every store answers as this does.

Between values of different types there is no order and no equality, but in sorting: absent and None first,
then numbers, text, objects and lists, bytes (the shorter first), bools, times. Objects and lists equal nothing.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from storage.errors import UnsupportedQuery
from storage.queries.language import (
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Group,
    Limit,
    Match,
    Not,
    Operator,
    Project,
    Sort,
    SortKey,
    Stage,
)
from storage.queries.ranks import equal, frozen, is_in, ordered, rank
from storage.queries.tallies import Tally

Document = Mapping[str, Any]

MAX_HELD = 500_000
"""How many documents of a sort, and keys of a group, are in memory at most."""


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


_COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: equal,
    Operator.NE: lambda found, value: not equal(found, value),
    Operator.GT: ordered(operator.gt),
    Operator.GTE: ordered(operator.ge),
    Operator.LT: ordered(operator.lt),
    Operator.LTE: ordered(operator.le),
    Operator.IN: is_in,
    Operator.NIN: lambda found, values: not is_in(found, values),
}


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
        ranks = [(key.descending, rank(document.get(key.field))) for key in keys]
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
    tallies: dict[Any, tuple[Any, list[Tally]]] = {}
    for document in documents:
        key = None if group.key is None else document.get(group.key)
        place = frozen(key)
        if place not in tallies:
            if len(tallies) >= MAX_HELD:
                raise _too_many("keys to group by")
            tallies[place] = key, [Tally(measure) for measure in group.measures]
        for tally in tallies[place][1]:
            tally.take(document)
    for key, measured in tallies.values():
        results = {tally.measure.name: tally.result() for tally in measured}
        yield {"_id": key} | {name: result for name, result in results.items() if result is not None}
