"""The fate of a record whose key is taken, from what a majority has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from storage import TABLES, Outcome, Record
from storage.adapters.mongodb.comparison import judge
from tests.contracts.records import MS, T0, candle, trade

CANDLE, NEWER = candle(), candle(event_time=T0 + 5000 * MS)


@pytest.mark.parametrize("record", [trade(), CANDLE], ids=["plain", "versioned"])
def test_a_document_that_no_majority_has_yet_is_tried_again(record: Record) -> None:
    table = TABLES["candles" if record is CANDLE else "trades"]

    assert judge(table, record, None).outcome is Outcome.RETRY


def test_an_older_version_that_a_majority_still_has_is_tried_again() -> None:
    assert judge(TABLES["candles"], NEWER, TABLES["candles"].to_document(CANDLE)).outcome is Outcome.RETRY


@pytest.mark.parametrize(
    ("kind", "incoming", "there", "outcome"),
    [
        ("trades", trade(), trade(), Outcome.DUPLICATE),
        ("trades", trade(), trade(price=Decimal("7")), Outcome.CONFLICT),
        ("candles", CANDLE, CANDLE, Outcome.DUPLICATE),
        ("candles", CANDLE, NEWER, Outcome.STALE),
        ("candles", CANDLE, candle(close=Decimal("7")), Outcome.CONFLICT),
    ],
)
def test_what_a_majority_has_decides(kind: str, incoming: Record, there: Record, outcome: Outcome) -> None:
    assert judge(TABLES[kind], incoming, TABLES[kind].to_document(there)).outcome is outcome
