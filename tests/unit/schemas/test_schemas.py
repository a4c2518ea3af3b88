"""Schemas say what the records are; validation finds what is wrong, and where."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from storage import TABLE_OF, TABLES, Record
from storage.repositories.catalog import dataset_of
from storage.schemas import Problem, get_schema, problems_of, schema_id, validate_schema
from tests.contracts.records import BARE, FULL, SNAPSHOT, T0

SAMPLES = [*FULL.values(), *BARE.values(), SNAPSHOT]


def document(record: Record, **changes: Any) -> dict[str, Any]:
    found = TABLE_OF[type(record)].to_document(record) | changes
    return {name: value for name, value in found.items() if value is not None}


def in_json(value: Any) -> Any:
    match value:
        case dict():
            return {name: in_json(each) for name, each in value.items()}
        case tuple():
            return [in_json(each) for each in value]
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
    return value


@pytest.mark.parametrize("kind", TABLES)
def test_a_schema_is_one_and_says_its_version(kind: str) -> None:
    schema = get_schema(kind)

    Draft202012Validator.check_schema(schema)
    assert schema["title"] == schema_id(kind) == f"{kind}/1"
    assert list(schema["properties"]) == ["_id", *(column.name for column in TABLES[kind].columns)]


@pytest.mark.parametrize("record", SAMPLES, ids=lambda record: type(record).__name__)
def test_every_record_of_ours_is_valid(record: Record) -> None:
    kind = TABLE_OF[type(record)].name

    assert validate_schema(kind, document(record))
    Draft202012Validator(get_schema(kind)).validate(in_json(document(record)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price": None}, Problem("price", "required")),
        ({"_id": None}, Problem("_id", "required")),
        ({"_id": ""}, Problem("_id", "type: no text, or empty")),
        ({"price": 1.5}, Problem("price", "type: 1.5 is no Decimal")),
        ({"price": Decimal("NaN")}, None),
        ({"trade_id": True}, Problem("trade_id", "type: True is no int")),
        ({"trade_id": 2**63}, Problem("trade_id", f"type: {2**63} is wider than 64 bits")),
        ({"timestamp": T0.replace(tzinfo=None)}, None),
        ({"timestamp": T0.replace(microsecond=1)}, None),
        ({"timestamp": 1}, Problem("timestamp", "type: 1 is no datetime")),
        ({"is_buyer_maker": 1}, Problem("is_buyer_maker", "type: 1 is no bool")),
        ({"symbol": 5}, Problem("symbol", "type: 5 is no text")),
        ({"symbol": "\ud800"}, None),
        ({"colour": "red"}, Problem("colour", "additionalProperties: no field of this kind")),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_path_and_rule(changes: dict[str, Any], problem: Problem | None) -> None:
    (found,) = problems_of("trades", document(FULL["trades"], **changes))

    assert found.path == next(iter(changes))
    assert problem is None or found == problem
    assert not validate_schema("trades", document(FULL["trades"], **changes))


@pytest.mark.parametrize("levels", [5, [[Decimal(1)]], [(Decimal(1), 2.0)], "levels"], ids=str)
def test_levels_are_pairs_of_decimals(levels: Any) -> None:
    assert [problem.path for problem in problems_of("depth", document(FULL["depth"], bids=levels))] == ["bids"]


def test_all_problems_are_told_at_once() -> None:
    assert [path for path, _ in problems_of("trades", {"price": 1})] == [
        *("_id", "symbol", "timestamp", "trade_id", "quantity", "is_buyer_maker", "price")
    ]


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known are trades"):
        get_schema("orders")
    with pytest.raises(ValueError, match="known are trades"):
        validate_schema("orders", {})


def test_a_dataset_knows_its_schema() -> None:
    assert dataset_of("spot.candles_BTCUSDT_1m", "mongodb", T0).schema_id == "candles/1"
    assert dataset_of("spot.something", "mongodb", T0).schema_id is None
