"""Rows are checked before a database could cut or change them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from storage import RejectedError
from storage.metadata import row_id
from storage.metadata.schema import lineage_records
from storage.metadata.values import bind_values
from tests.contracts.rows import NOON, lineage


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("timestamp", NOON.replace(tzinfo=None)),
        ("duplicate", "abc"),
        ("duplicate", 2**63),
        ("duplicate", True),
        ("duplicate", None),
        ("trace_id", "nul\0"),
        ("trace_id", "\ud800"),
        ("trace_id", "x" * 33),
        ("status", "ended"),
        ("transformation", "guess"),
        ("execution_seconds", Decimal("NaN")),
        ("execution_seconds", Decimal(10**11)),
        ("execution_seconds", 0.5),
        ("parameters", {"first": float("nan")}),
        ("parameters", {"text": "nul\0"}),
        ("parameters", {"nul\0": 1}),
        ("parameters", {"object": object()}),
        ("parameters", {"text": "x" * (1 << 20)}),
        ("parameters", None),
    ],
)
def test_what_cannot_be_stored_is_refused(column: str, value: Any) -> None:
    with pytest.raises(RejectedError, match=column):
        bind_values(lineage_records, lineage(**{column: value}))


def test_input_and_output_follow_from_the_outcomes() -> None:
    row = lineage(received=10, stored=4)

    assert (row.input_records, row.output_records) == (10, 4)


def test_plain_values_are_made_of_what_details_hold() -> None:
    values = bind_values(lineage_records, lineage(parameters={"at": NOON, "price": Decimal("1.50"), "pair": ("a", 1)}))

    assert values["parameters"] == {"at": "2025-10-21T12:00:00.123000Z", "price": "1.50", "pair": ("a", 1)}


def test_ids_depend_on_each_part_and_its_place() -> None:
    ids = {row_id("a", "b"), row_id("ab"), row_id("b", "a"), row_id("a", "b", None), row_id("a", "b", 1)}

    assert len(ids) == 5 and {len(one) for one in ids} == {32}
