"""Nothing of what a caller passes reaches a store as an operator or a name that it did not write as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import RejectedError, UnsupportedQuery
from storage.queries import Accumulator, Operator, parse_changes, parse_filter, parse_pipeline
from storage.queries.fields import FREE_NAME
from storage.queries.filters import MAX_COMPARISONS, MAX_LIST, MAX_NESTING
from storage.tables import TRADES, Table

COLUMNS = {"_id", *(column.name for column in TRADES.columns)}
SCALARS = (str, int, bool, float, bytes, Decimal, datetime, type(None))

words = st.sampled_from(
    ["$and", "$or", "$not", "$gt", "$in", "$where", "$expr", "$function", "price", "symbol", "_id", "x", "a.b", "'", ""]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | words
    | st.floats()
    | st.binary(max_size=3)
    | st.decimals()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=3)
)
stages = st.lists(
    st.dictionaries(
        st.sampled_from(["$match", "$group", "$sort", "$limit", "$project", "$out", "$lookup"]), anything, max_size=2
    )
    | anything,
    max_size=3,
)


def parts_of(value: Any) -> Iterator[Any]:
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from parts_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from parts_of(each)


def check_clean(parsed: Any, names: set[str] | None) -> None:
    """All that is left are our own classes and plain values, and names that were known."""
    for part in parts_of(parsed):
        if is_dataclass(part):
            assert type(part).__module__ == "storage.queries.language"
            for name in filter(None, (getattr(part, slot, None) for slot in ("field", "key", "name"))):
                assert name in names if names else FREE_NAME.fullmatch(name)
        else:
            assert isinstance(part, tuple | Operator | Accumulator) or type(part) in SCALARS


@given(anything, st.sampled_from([TRADES, None]))
def test_any_filter_is_parsed_or_refused(filter: Any, table: Table | None) -> None:
    try:
        parsed = parse_filter(table, filter)
    except RejectedError:
        return
    check_clean(parsed, COLUMNS if table else None)


@given(stages, st.sampled_from([TRADES, None]))
def test_any_pipeline_is_parsed_or_refused(pipeline: Any, table: Table | None) -> None:
    try:
        parsed = parse_pipeline(table, pipeline)
    except RejectedError:
        return
    check_clean(parsed, None)


@given(anything)
def test_any_change_is_parsed_or_refused(changes: Any) -> None:
    try:
        parsed = parse_changes(TRADES, changes)
    except RejectedError:
        return
    assert parsed.keys() <= COLUMNS - {"_id", "symbol", "timestamp", "trade_id"}
    assert all(type(value) in SCALARS for value in parsed.values())


@given(st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_a_text_stays_the_value_that_it_is(text: str) -> None:
    assert value_of(parse_filter(TRADES, {"symbol": text})) == text
    assert value_of(parse_filter(None, {"x": {"$in": [text]}})) == (text,)


def value_of(parsed: Any) -> Any:
    return parsed.value


def test_subclasses_of_values_become_plain() -> None:
    class Loud(str):
        __slots__ = ()

    class Big(int):
        __slots__ = ()

    class Late(datetime):
        __slots__ = ()

    values = (Loud("$x"), Big(7), Late(2024, 5, 17, tzinfo=UTC))
    parsed = [value_of(parse_filter(None, {"x": value})) for value in values]

    assert parsed == list(values)
    assert [type(value) for value in parsed] == [str, int, datetime]


@pytest.mark.parametrize(
    ("filter", "error", "message"),
    [
        ({"$where": "sleep(1)"}, UnsupportedQuery, r"'\$where'.*known are \$and, \$or"),
        ({"price": {"$near": 1}}, UnsupportedQuery, r"'\$near'.*known are \$eq, .*\$exists, \$not"),
        ({"prise": 1}, RejectedError, r"no field 'prise'; known are _id, symbol, timestamp, trade_id, price"),
        ({"price": 0.1}, RejectedError, "price: expected a Decimal or an int, not float"),
        ({"timestamp": datetime(2024, 5, 17)}, RejectedError, "timestamp: .* is naive"),  # noqa: DTZ001 - the test
        ({"symbol": "x" * 5000}, RejectedError, "5000 characters"),
        ({1: 2}, RejectedError, "a mapping by name"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_is_known(filter: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_filter(TRADES, filter)


def test_the_secret_in_a_value_is_not_repeated() -> None:
    filters: list[dict[str, Any]] = [{"price": "canary"}, {"symbol": {"canary": 1}}, {"trade_id": ["canary"]}]
    for filter in filters:
        with pytest.raises(RejectedError) as caught:
            parse_filter(TRADES, filter)
        assert "canary" not in str(caught.value)


def test_size_and_nesting_are_bounded() -> None:
    deep: dict[str, Any] = {"trade_id": 1}
    for _ in range(MAX_NESTING + 1):
        deep = {"$and": [deep]}
    negated: dict[str, Any] = {"$gt": 1}
    for _ in range(MAX_NESTING + 1):
        negated = {"$not": negated}
    endless: dict[str, Any] = {}
    endless["$and"] = [endless]

    too_much: list[dict[str, Any]] = [
        deep,
        {"trade_id": negated},
        endless,
        {"$or": [{"trade_id": number} for number in range(MAX_COMPARISONS + 1)]},
        {"$or": [{}] * (MAX_LIST + 1)},
        {"trade_id": {"$in": list(range(MAX_LIST + 1))}},
        {"$or": [{"trade_id": {"$in": list(range(MAX_LIST))}} for _ in range(6)]},
    ]
    for filter in too_much:
        with pytest.raises(RejectedError):
            parse_filter(TRADES, filter)
