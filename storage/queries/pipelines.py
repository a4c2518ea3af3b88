"""Pipelines, sorts and projections as a caller writes them, checked and turned into the values of `language`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from storage.errors import RejectedError, UnsupportedQuery
from storage.queries.fields import Fields, check_free_name, fields_of
from storage.queries.filters import filter_of, named
from storage.queries.language import (
    Accumulator,
    Group,
    Limit,
    Match,
    Measure,
    Pipeline,
    Project,
    Sort,
    SortKey,
    Stage,
)
from storage.tables import ColumnType, Table
from storage.values import MAX_INT

MAX_STAGES = 20
MAX_FIELDS = 100
MAX_SORT_KEYS = 8
MAX_MEASURES = 32
MAX_MEASURE_NAME = 63

_BY_ORDER = (Accumulator.FIRST, Accumulator.LAST)
_OF_NUMBERS = (Accumulator.SUM, Accumulator.AVG)
_NUMBERS = (ColumnType.INT, ColumnType.DECIMAL, None)


def parse_pipeline(table: Table | None, stages: object) -> Pipeline:
    """The stages of a caller, of a table's documents or (None) of free ones.

    After a $group the fields are `_id` and its measures, after a $project those that it kept. $first and
    $last need a $sort before their $group. Raises as `parse_filter` does.
    """
    if not isinstance(stages, list | tuple):
        raise RejectedError(f"a pipeline is a list of stages, not {type(stages).__name__}")
    if len(stages) > MAX_STAGES:
        raise RejectedError(f"a pipeline has at most {MAX_STAGES} stages, not {len(stages)}")
    fields, is_sorted, parsed = fields_of(table), False, list[Stage]()
    for content in stages:
        stage, fields = _stage(fields, content, is_sorted)
        is_sorted = isinstance(stage, Sort) or (is_sorted and not isinstance(stage, Group))
        parsed.append(stage)
    return tuple(parsed)


def parse_find(
    table: Table | None, filter: object, projection: object = (), sort: object = (), limit: object = 0
) -> Pipeline:
    """The stages that answer a `find`; raises as `parse_filter` does."""
    stages: list[Stage] = [Match(filter_of(fields_of(table), filter))]
    if keys := parse_sort(table, sort):
        stages.append(Sort(keys))
    if limit != 0:
        stages.append(Limit(_count(limit)))
    if kept := parse_projection(table, projection):
        stages.append(Project(kept))
    return tuple(stages)


def parse_projection(table: Table | None, projection: object) -> tuple[str, ...]:
    """The fields to keep, in their order; of none all are kept. Raises RejectedError."""
    return _kept(fields_of(table), projection)


def parse_sort(table: Table | None, sort: object) -> tuple[SortKey, ...]:
    """What to sort by, the most significant first; raises RejectedError."""
    return _sort_keys(fields_of(table), sort)


def _stage(fields: Fields, content: object, is_sorted: bool) -> tuple[Stage, Fields]:
    stage = named(content, "a stage")
    if len(stage) != 1:
        raise RejectedError(f"a stage has one name, not {len(stage)}")
    ((name, argument),) = stage.items()
    if name == "$group":
        return _group(fields, argument, is_sorted)
    if name not in _STAGES:
        raise UnsupportedQuery(f"there is no stage {name[:80]!r}; known are $group, {', '.join(_STAGES)}")
    parsed = _STAGES[name](fields, argument)
    return parsed, fields.only(parsed.fields) if isinstance(parsed, Project) else fields


def _match(fields: Fields, argument: object) -> Match:
    return Match(filter_of(fields, named(argument, "$match")))


def _sort(fields: Fields, argument: object) -> Sort:
    keys = _sort_keys(fields, list(named(argument, "$sort").items()))
    if not keys:
        raise RejectedError("$sort names at least one field")
    return Sort(keys)


def _limit(fields: Fields, argument: object) -> Limit:
    return Limit(_count(argument))


def _project(fields: Fields, argument: object) -> Project:
    choices = named(argument, "$project")
    for name, choice in choices.items():
        if not _is_int(choice) or choice != 1:
            raise UnsupportedQuery(f"$project keeps fields, each by 1; {name[:80]!r} has something else")
    if not choices:
        raise RejectedError("$project names at least one field")
    return Project(_kept(fields, list(choices)))


_STAGES: Mapping[str, Callable[[Fields, object], Stage]] = {
    "$match": _match,
    "$sort": _sort,
    "$limit": _limit,
    "$project": _project,
}


def _group(fields: Fields, argument: object, is_sorted: bool) -> tuple[Group, Fields]:
    entries = dict(named(argument, "$group"))
    if "_id" not in entries:
        raise RejectedError("$group needs _id: None, or the field to group by as '$field'")
    wanted = entries.pop("_id")
    if len(entries) > MAX_MEASURES:
        raise RejectedError(f"$group takes at most {MAX_MEASURES} measures, not {len(entries)}")
    key = None if wanted is None else _field(fields, wanted)
    types: dict[str, ColumnType | None] = {"_id": ColumnType.TEXT if key is None else fields.type_of(key)}
    measures = tuple(_measure(fields, name, content, is_sorted) for name, content in entries.items())
    types |= {measure.name: _type_of_measure(fields, measure) for measure in measures}
    return Group(key, measures), Fields(types)


def _measure(fields: Fields, name: str, content: object, is_sorted: bool) -> Measure:
    if len(check_free_name(name)) > MAX_MEASURE_NAME:
        raise RejectedError(f"the name of a measure has at most {MAX_MEASURE_NAME} characters")
    entry = named(content, f"the measure {name}")
    if len(entry) != 1:
        raise RejectedError(f"the measure {name} has one accumulator, not {len(entry)}")
    ((operator, argument),) = entry.items()
    if operator not in tuple(Accumulator):
        raise UnsupportedQuery(f"there is no accumulator {operator[:80]!r}; known are {', '.join(Accumulator)}")
    accumulator = Accumulator(operator)
    if accumulator in _BY_ORDER and not is_sorted:
        raise UnsupportedQuery(f"{operator} needs a $sort before its $group: without one any document may be it")
    field = _measured(fields, accumulator, argument)
    return Measure(name, accumulator, field, is_free=field is not None and fields.type_of(field) is None)


def _measured(fields: Fields, accumulator: Accumulator, argument: object) -> str | None:
    if accumulator is Accumulator.COUNT:
        if argument != {}:
            raise UnsupportedQuery("$count takes {}")
        return None
    if accumulator is Accumulator.SUM and _is_int(argument) and argument == 1:
        return None
    field = _field(fields, argument)
    if accumulator in _OF_NUMBERS and fields.type_of(field) not in _NUMBERS:
        raise RejectedError(f"{accumulator} is of numbers, and {field} holds none")
    return field


def _field(fields: Fields, reference: object) -> str:
    if not isinstance(reference, str) or not reference.startswith("$"):
        raise UnsupportedQuery(f"a field is meant as '$field' and nothing else, not by {type(reference).__name__}")
    name = reference.removeprefix("$")
    fields.value_type_of(name)
    return name


def _type_of_measure(fields: Fields, measure: Measure) -> ColumnType | None:
    if measure.field is None:
        return ColumnType.INT
    type = fields.type_of(measure.field)
    return ColumnType.DECIMAL if measure.accumulator is Accumulator.AVG and type is not None else type


def _sort_keys(fields: Fields, sort: object) -> tuple[SortKey, ...]:
    if not isinstance(sort, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in sort
    ):
        raise RejectedError("a sort is a list of pairs of field and 1 or -1")
    if len(sort) > MAX_SORT_KEYS:
        raise RejectedError(f"a sort has at most {MAX_SORT_KEYS} fields, not {len(sort)}")
    for name, direction in sort:
        fields.value_type_of(name)
        if not _is_int(direction) or direction not in (1, -1):
            raise RejectedError(f"the direction of {name} is 1 or -1")
    _refuse_repeats([name for name, _ in sort])
    return tuple(SortKey(name, direction == -1) for name, direction in sort)


def _kept(fields: Fields, projection: object) -> tuple[str, ...]:
    if not isinstance(projection, list | tuple):
        raise RejectedError("a projection is a list of the fields to keep")
    if len(projection) > MAX_FIELDS:
        raise RejectedError(f"a projection keeps at most {MAX_FIELDS} fields, not {len(projection)}")
    for name in projection:
        fields.type_of(name)
    _refuse_repeats(projection)
    return tuple(projection)


def _refuse_repeats(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise RejectedError("a field is named twice")


def _count(argument: object) -> int:
    if not isinstance(argument, int) or isinstance(argument, bool) or not 1 <= argument <= MAX_INT:
        raise RejectedError("a limit is a whole number, at least 1")
    return int(argument)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
