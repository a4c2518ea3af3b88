"""The reference: what a question means."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from storage import UnsupportedQuery
from storage.queries import evaluate, matches, parse_filter, parse_pipeline, run


def answers(*stages: dict[str, Any], documents: list[dict[str, Any]]) -> list[Any]:
    return list(run(parse_pipeline(None, stages), documents))


@pytest.mark.parametrize(
    ("filter", "document", "expected"),
    [
        ({"x": None}, {}, True),
        ({"x": None}, {"x": None}, True),
        ({"x": {"$exists": True}}, {"x": None}, True),
        ({"x": {"$ne": 1}}, {}, True),
        ({"x": {"$nin": [1]}}, {}, True),
        ({"x": {"$not": {"$lt": 1}}}, {}, True),
        ({"x": {"$lt": 1}}, {}, False),
        ({"x": {"$gte": 0}}, {"x": None}, False),
        ({"x": 1}, {"x": True}, False),
        ({"x": 1}, {"x": Decimal("1.0")}, True),
        ({"x": 0.1}, {"x": Decimal("0.1")}, False),
        ({"x": {"$lt": "b"}}, {"x": 1}, False),
        ({"x": {"$ne": "b"}}, {"x": ["b"]}, True),
        ({"x": "b"}, {"x": ["b"]}, False),
        ({"x": {"$gt": b"z"}}, {"x": b"aa"}, True),
    ],
)
def test_a_filter_is_true_or_false_of_a_document(filter: Any, document: dict[str, Any], expected: bool) -> None:
    assert matches(parse_filter(None, filter), document) is expected


def test_values_of_different_types_have_an_order_too() -> None:
    values: list[Any] = [True, "a", b"a", [1], 2, None, {"x": 1}, "B", 1.5]
    documents = [{"_id": str(number), "x": value} for number, value in enumerate(values)]

    found = answers({"$sort": {"x": 1, "_id": 1}}, documents=documents)

    assert [document["x"] for document in found] == [None, 1.5, 2, "B", "a", [1], {"x": 1}, b"a", True]


def test_groups_tell_values_of_different_types_apart() -> None:
    values: list[Any] = [1, True, 1.0, Decimal(1), "1", [1], [True], {"x": 1}, None, [], {}]
    documents = [{"_id": str(number), "x": value} for number, value in enumerate(values)]

    found = answers({"$group": {"_id": "$x", "n": {"$sum": 1}}}, documents=[*documents, {"_id": "99"}])

    assert [document["n"] for document in found] == [3, 1, 1, 1, 1, 1, 2, 1, 1]


def test_a_sum_of_more_than_34_digits_is_rounded_to_them() -> None:
    documents = [{"_id": "1", "x": Decimal("9" * 20)}, {"_id": "2", "x": Decimal("0.123456789012345678")}]

    found = answers({"$group": {"_id": None, "x": {"$sum": "$x"}}}, documents=documents)

    assert found == [{"_id": None, "x": Decimal("99999999999999999999.12345678901235")}]


def test_what_comes_first_is_read_no_further_than_the_limit() -> None:
    def endless() -> Any:
        number = 0
        while True:
            yield {"_id": str(number), "x": number}
            number += 1

    found = run(parse_pipeline(None, [{"$match": {"x": {"$gt": 5}}}, {"$limit": 2}, {"$project": {"x": 1}}]), endless())

    assert list(found) == [{"x": 6}, {"x": 7}]


def test_a_sort_with_a_limit_keeps_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "MAX_HELD", 10)
    documents: list[dict[str, Any]] = [{"_id": str(number), "x": number} for number in range(100)]

    found = answers({"$sort": {"x": -1}}, {"$limit": 2}, documents=documents)

    assert [document["x"] for document in found] == [99, 98]
    for stage in ({"$sort": {"x": 1}}, {"$group": {"_id": "$x"}}):
        with pytest.raises(UnsupportedQuery, match="more than 10"):
            answers(stage, documents=documents)
