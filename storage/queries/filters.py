"""Filters as a caller writes them, checked and turned into the values of `language`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from storage.errors import RejectedError, UnsupportedQuery
from storage.queries.checks import checked
from storage.queries.fields import Fields, fields_of
from storage.queries.language import AllOf, AnyOf, Compare, Exists, Filter, Not, Operator
from storage.tables import Table

MAX_NESTING = 10
MAX_COMPARISONS = 200
MAX_LIST = 1000
MAX_VALUES = 5000

_LISTS = (Operator.IN, Operator.NIN)
_EQUALITIES = (Operator.EQ, Operator.NE, *_LISTS)
_LOGICAL: Mapping[str, Callable[[tuple[Filter, ...]], Filter]] = {"$and": AllOf, "$or": AnyOf}
_FIELD_OPERATORS = (*Operator, "$exists", "$not")


def parse_filter(table: Table | None, filter: object) -> Filter:
    """The filter of a caller, of the fields of a table or (None) of free documents; none is true of everything.

    Raises UnsupportedQuery for an operator outside the language, RejectedError for an unknown field, a value
    of the wrong type, or more than a filter may hold.
    """
    return filter_of(fields_of(table), filter)


def filter_of(fields: Fields, filter: object) -> Filter:
    """The same, of any fields."""
    return AllOf(()) if filter is None else _Reading(fields).all_of(filter, 0)


class _Reading:
    """One filter being read; counts what it holds."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._comparisons = 0
        self._values = 0

    def all_of(self, filter: object, nesting: int) -> Filter:
        entries = named(filter, "a filter")
        if nesting > MAX_NESTING:
            raise RejectedError(f"the filter is nested deeper than {MAX_NESTING}")
        return _joined(self._entry(name, content, nesting) for name, content in entries.items())

    def _entry(self, name: str, content: object, nesting: int) -> Filter:
        if name in _LOGICAL:
            parts = _listed(name, content)
            return _LOGICAL[name](tuple(self.all_of(part, nesting + 1) for part in parts))
        if name.startswith("$"):
            raise _unknown(name, (*_LOGICAL, "names of fields"))
        self._fields.type_of(name)
        if isinstance(content, Mapping):
            return self._operators(name, content, nesting)
        return self._compare(name, Operator.EQ, content)

    def _operators(self, field: str, content: object, nesting: int) -> Filter:
        operators = named(content, f"the operators of {field}")
        if not operators:
            raise RejectedError(f"{field}: no operator is given")
        return _joined(self._operator(field, name, value, nesting) for name, value in operators.items())

    def _operator(self, field: str, name: str, value: object, nesting: int) -> Filter:
        if nesting > MAX_NESTING:
            raise RejectedError(f"the filter is nested deeper than {MAX_NESTING}")
        match name:
            case "$not":
                return Not(self._operators(field, value, nesting + 1))
            case "$exists":
                return self._exists(field, value)
            case _ if name in tuple(Operator):
                return self._compare(field, Operator(name), value)
            case _ if name.startswith("$"):
                raise _unknown(name, _FIELD_OPERATORS)
            case _:
                raise RejectedError(f"{field}: an object is no value to compare with, and operators begin with $")

    def _exists(self, field: str, value: object) -> Filter:
        if not isinstance(value, bool):
            raise RejectedError(f"{field}: $exists takes true or false")
        self._count(1)
        return Exists(field, value)

    def _compare(self, field: str, operator: Operator, value: object) -> Filter:
        values = _listed(operator, value) if operator in _LISTS else [value]
        self._count(len(values))
        clean = tuple(self._value(field, operator, each) for each in values)
        return Compare(field, operator, clean if operator in _LISTS else clean[0])

    def _value(self, field: str, operator: Operator, value: object) -> Any:
        type = self._fields.value_type_of(field)
        if value is None and operator in _EQUALITIES:
            return None
        return checked(field, type, value)

    def _count(self, values: int) -> None:
        self._comparisons += 1
        self._values += values
        if self._comparisons > MAX_COMPARISONS or self._values > MAX_VALUES:
            raise RejectedError(f"a filter holds at most {MAX_COMPARISONS} comparisons with {MAX_VALUES} values")


def named(content: object, what: str) -> Mapping[str, object]:
    """The same mapping; raises RejectedError for anything that is no mapping of names."""
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise RejectedError(f"{what} is a mapping by name, not {type(content).__name__}")
    return content


def _joined(parts: Iterable[Filter]) -> Filter:
    every = tuple(parts)
    return every[0] if len(every) == 1 else AllOf(every)


def _listed(operator: str, content: object) -> Collection[object]:
    if not isinstance(content, list | tuple | set | frozenset):
        raise RejectedError(f"{operator} takes a list, not {type(content).__name__}")
    if len(content) > MAX_LIST:
        raise RejectedError(f"{operator} takes at most {MAX_LIST} values, not {len(content)}")
    if not content and operator in _LOGICAL:
        raise RejectedError(f"{operator} takes at least one filter")
    return content


def _unknown(name: str, known: Iterable[str]) -> UnsupportedQuery:
    return UnsupportedQuery(f"{name[:80]!r} is no operator that can stand here; known are {', '.join(known)}")
