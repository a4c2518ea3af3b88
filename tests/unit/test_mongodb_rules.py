"""What a server tells of a document that broke its schema, as mongod 6.0 tells it."""

from __future__ import annotations

from typing import Any

import pytest

from storage.adapters.mongodb.rules import rules_of
from storage.adapters.mongodb.shapes import shape_of


def type_of(wanted: str) -> dict[str, Any]:
    return {
        "operatorName": "bsonType",
        "specifiedAs": {"bsonType": wanted},
        "reason": "type did not match",
        "consideredValue": "secret",
        "consideredType": "double",
    }


def schema(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"operatorName": "$jsonSchema", "title": "trades/1", "schemaRulesNotSatisfied": list(rules)}


def properties(**details: Any) -> dict[str, Any]:
    broken = [{"propertyName": name, "details": [each]} for name, each in details.items()]
    return {"operatorName": "properties", "propertiesNotSatisfied": broken}


def item(index: int, inner: dict[str, Any]) -> dict[str, Any]:
    return {"operatorName": "items", "reason": "one did not match", "itemIndex": index, "details": [inner]}


REQUIRED = {
    "operatorName": "required",
    "specifiedAs": {"required": ["_id", "price"]},
    "missingProperties": ["price"],
}
ADDITIONAL = {
    "operatorName": "additionalProperties",
    "specifiedAs": {"additionalProperties": False},
    "additionalProperties": ["colour"],
}
COMPARED = {"operatorName": "$gt", "specifiedAs": {"price": {"$gt": 0}}, "reason": "no", "consideredValue": -1}


@pytest.mark.parametrize(
    ("details", "rules"),
    [
        (schema(properties(price=type_of("decimal"))), "price: bsonType decimal"),
        (
            schema(properties(_id=type_of("string")), ADDITIONAL),
            "_id: bsonType string; colour: additionalProperties false",
        ),
        (schema(REQUIRED), "price: required"),
        (schema(properties(bids=item(1, item(0, type_of("decimal"))))), "bids.1.0: bsonType decimal"),
        (COMPARED, "the document: price {'$gt': 0}"),
        ({}, ""),
    ],
    ids=["type", "several", "required", "nested", "no schema", "no account"],
)
def test_each_broken_rule_is_told_with_its_path(details: dict[str, Any], rules: str) -> None:
    assert rules_of(details) == rules


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        (
            {"find": "trades_A", "filter": {"x": {"$in": [1, 2]}, "y": "s"}},
            "find trades_A filter {x: {$in: [?]}, y: ?}",
        ),
        ({"insert": "trades_A", "documents": [{"secret": 1}]}, "insert trades_A"),
        (
            {"aggregate": "a", "pipeline": [{"$match": {"x": 1}}, {"$limit": 5}]},
            "aggregate a pipeline [{$match: {x: ?}}, {$limit: ?}]",
        ),
        ({"getMore": 77, "collection": "trades_A"}, "getMore trades_A"),
        ({"ping": 1}, "ping"),
        ({"aggregate": 1, "pipeline": []}, "aggregate  pipeline []"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_shape_has_the_names_and_no_values(command: dict[str, Any], shape: str) -> None:
    assert shape_of(next(iter(command)), command) == shape


def test_a_long_shape_is_cut() -> None:
    assert len(shape_of("find", {"find": "a", "filter": {f"field_{number}": 1 for number in range(500)}})) <= 500
