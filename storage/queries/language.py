"""What a question is once it has been checked: adapters translate these values, never what a caller wrote.

A filter is true or false of a document. An absent field equals None, is unequal to everything else, is no
part of any order, and is in a list only where the list holds None: as in MongoDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Operator(StrEnum):
    """How a field is compared; lists only with IN and NIN."""

    EQ = "$eq"
    NE = "$ne"
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"
    IN = "$in"
    NIN = "$nin"


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value of the field's own type (a tuple of them for IN and NIN)."""

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether a field is there."""

    field: str
    present: bool


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every part is; of no parts it is true."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when some part is."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: Filter


Filter = Compare | Exists | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field to sort by; absent values come first ascending and last descending."""

    field: str
    descending: bool


class Accumulator(StrEnum):
    """What a group says of its documents; absent values are passed over, FIRST and LAST take them as they stand."""

    SUM = "$sum"
    AVG = "$avg"
    MIN = "$min"
    MAX = "$max"
    FIRST = "$first"
    LAST = "$last"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class Measure:
    """A named number of a group; `field` is None for COUNT, and for SUM of ones.

    SUM and AVG are of numbers, exact; AVG is rounded half-even to 18 decimals. SUM of nothing is 0, every
    other measure of nothing is absent. A SUM of ints of a free field must fit into 64 bits, as they do.
    """

    name: str
    accumulator: Accumulator
    field: str | None
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Keep the documents for which the filter is true."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class Group:
    """One document for each distinct key: `_id` is the value of `key`, or None for all documents together."""

    key: str | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """Order the documents; equal ones keep no order."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Keep the first so many."""

    count: int


@dataclass(frozen=True, slots=True)
class Project:
    """Keep these fields, in this order; `_id` only when it is named."""

    fields: tuple[str, ...]


Stage = Match | Group | Sort | Limit | Project
Pipeline = tuple[Stage, ...]
