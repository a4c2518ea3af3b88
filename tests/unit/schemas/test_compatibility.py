"""A schema may follow another when the documents of the one stand under the other."""

from __future__ import annotations

from typing import Any

import pytest

from storage import RejectedError
from storage.schemas import Mode, compatible, get_schema, refuse_incompatible

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def schema(title: str, required: str, **properties: Any) -> dict[str, Any]:
    return {"title": title, "required": required.split(), "properties": properties}


OLD = schema("trades/1", "price", price=TEXT, note=TEXT)
CHANGES = {
    "nothing": schema("trades/2", "price", price=TEXT, note=TEXT),
    "optional added": schema("trades/2", "price", price=TEXT, note=TEXT, more=TEXT),
    "required added": schema("trades/2", "price more", price=TEXT, note=TEXT, more=TEXT),
    "optional removed": schema("trades/2", "price", price=TEXT),
    "required removed": schema("trades/2", "", note=TEXT),
    "type changed": schema("trades/2", "price", price=NUMBER, note=TEXT),
    "made required": schema("trades/2", "price note", price=TEXT, note=TEXT),
    "made optional": schema("trades/2", "", price=TEXT, note=TEXT),
}


@pytest.mark.parametrize(
    ("change", "backward", "forward"),
    [
        ("nothing", True, True),
        ("optional added", True, False),
        ("required added", False, False),
        ("optional removed", False, True),
        ("required removed", False, False),
        ("type changed", False, False),
        ("made required", False, True),
        ("made optional", True, False),
    ],
)
def test_a_change_is_compatible_in_its_directions(change: str, backward: bool, forward: bool) -> None:
    allowed: dict[Mode, bool] = {
        "backward": backward,
        "forward": forward,
        "full": backward and forward,
        "none": True,
    }
    assert {mode: not compatible(OLD, CHANGES[change], mode) for mode in allowed} == allowed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("required added", "trades/2 requires more, which documents of trades/1 may lack"),
        ("optional removed", "trades/2 has no note, which documents of trades/1 may have"),
        ("type changed", "price is string in trades/1 and integer in trades/2"),
    ],
)
def test_the_reason_is_told(change: str, reason: str) -> None:
    assert reason in compatible(OLD, CHANGES[change])
    with pytest.raises(RejectedError, match="trades/2 may not follow trades/1"):
        refuse_incompatible(OLD, CHANGES[change])


def test_a_schema_may_follow_itself() -> None:
    refuse_incompatible(get_schema("candles"), get_schema("candles"), "full")
