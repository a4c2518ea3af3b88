"""The truth follows the rules of the design, checked by hand on small cases."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from consumer.simulator import Faults, Market, Truth, read_truth, write_truth
from consumer.simulator.book import depth, partial_depth
from consumer.simulator.candles import Candle
from consumer.simulator.drafts import Draft, Fact, at, fixed
from consumer.simulator.funding import funding_row, mark_price
from consumer.simulator.instruments import Instrument
from consumer.simulator.tape import trade
from storage import Outcome, Reason

NOW = 1_743_465_540_000
TIME = datetime(2025, 3, 31, 23, 59, tzinfo=UTC)


def half() -> float:
    return 0.5


def bitcoin() -> Instrument:
    return Instrument("BTCUSDT", 6_712_345, 2, 5)


def draft(*facts: Fact, rejected: tuple[Reason, ...] = ()) -> Draft:
    return Draft(kind="trade", symbol="X", stream="", payload="{}", time_ms=0, facts=facts, rejected=rejected)


def observed(*facts: Fact) -> Truth:
    truth = Truth()
    for fact in facts:
        truth.observe(draft(fact))
    return truth


def fact(price: str, version: tuple[Any, ...] | None = None, **more: Any) -> Fact:
    return Fact("trades_X", {"_id": "X_1", "price": Decimal(price), **more}, version)


def test_times_and_numbers_are_exact() -> None:
    assert at(NOW) == TIME
    assert at(NOW).utcoffset() is not None
    numbers = [(5, 2), (-5, 2), (12_345, 2), (7, 0), (100, 8)]
    assert [fixed(*n) for n in numbers] == ["0.05", "-0.05", "123.45", "7", "0.00000100"]


def test_a_trade_is_told_as_it_is_written() -> None:
    told = trade(bitcoin(), NOW, half)
    assert json.loads(told.payload) == {
        "e": "trade",
        "E": NOW + 2,
        "s": "BTCUSDT",
        "t": 3_112_000_001,
        "p": "67123.45000000",
        "q": "0.25001000",
        "T": NOW,
        "m": False,
        "M": True,
    }
    assert told.facts == (
        Fact(
            "trades_BTCUSDT",
            {
                "_id": f"BTCUSDT_{NOW}_3112000001",
                "symbol": "BTCUSDT",
                "timestamp": TIME,
                "trade_id": 3_112_000_001,
                "price": Decimal("67123.45"),
                "quantity": Decimal("0.25001"),
                "is_buyer_maker": False,
                "event_time": at(NOW + 2),
            },
        ),
    )


def test_a_diff_is_told_as_it_is_written() -> None:
    told = depth(bitcoin(), NOW, half)
    document = told.facts[0].document
    written = json.loads(told.payload)
    assert document["_id"] == "BTCUSDT_39000000001_39000000003"
    assert (written["U"], written["u"]) == (document["first_update_id"], document["last_update_id"])
    assert [[Decimal(p), Decimal(q)] for p, q in written["b"]] == [list(level) for level in document["bids"]]
    assert "previous_update_id" not in document


def test_a_snapshot_takes_the_time_of_the_envelope() -> None:
    told = partial_depth(bitcoin(), NOW, half)
    document = told.facts[0].document
    assert told.timeless and told.facts[0].bus_time
    assert (document["_id"], document["timestamp"], document["kind"]) == ("BTCUSDT_39000000001_s20", TIME, "snapshot")
    assert len(document["bids"]) == len(document["asks"]) == 20
    assert document["bids"][0] == (Decimal("67123.44"), Decimal("0.25001"))
    assert "first_update_id" not in document


def test_a_mark_price_is_two_documents() -> None:
    told = mark_price(bitcoin(), NOW, half)
    mark, funding = (fact.document for fact in told.facts)
    assert mark["_id"] == f"BTCUSDT_{NOW}"
    assert funding == {
        "_id": "BTCUSDT_1743465600000",
        "symbol": "BTCUSDT",
        "timestamp": datetime(2025, 4, 1, tzinfo=UTC),
        "funding_rate": Decimal("0.0002"),
        "mark_price": Decimal("67123.45"),
        "is_settled": False,
        "event_time": TIME,
    }
    assert (mark["last_funding_rate"], mark["next_funding_time"]) == (Decimal("0.0002"), funding["timestamp"])


def test_a_contract_without_funding_is_one_document() -> None:
    told = mark_price(bitcoin(), NOW, lambda: 0.01)
    [only] = told.facts
    assert only.collection == "mark_prices_BTCUSDT_250627"
    assert not {"last_funding_rate", "next_funding_time"} & only.document.keys()


def test_a_funding_row_is_settled_at_the_round_minute() -> None:
    told = funding_row(bitcoin(), NOW + 60_000, half, NOW + 70_000)
    assert json.loads(told.payload)["fundingTime"] == NOW + 60_007
    [only] = told.facts
    assert only.document["_id"] == f"BTCUSDT_{NOW + 60_000}"
    assert only.document["is_settled"] is True
    assert "event_time" not in only.document


def test_a_candle_counts_what_it_saw_and_then_the_next_one_opens() -> None:
    candle = Candle(bitcoin(), "1m", NOW + 1)
    first, last, following = (candle.update(NOW + ms, half).facts[0] for ms in (1_000, 60_000, 60_001))
    assert first.document["_id"] == last.document["_id"] == f"BTCUSDT_{NOW}"
    assert (first.document["volume"], last.document["volume"]) == (Decimal("0.25001"), Decimal("0.50002"))
    assert last.document["quote_volume"] == 2 * Decimal("0.25001") * Decimal("67123.45")
    assert (first.document["is_closed"], last.document["is_closed"]) == (False, True)
    assert last.version == (
        True,
        at(NOW + 60_000).timestamp() * 1000,
        last.document["trades_count"],
        Decimal("0.50002"),
    )
    assert following.document["_id"] == f"BTCUSDT_{NOW + 60_000}"


def test_the_same_content_again_is_a_duplicate() -> None:
    truth = observed(fact("1.5"), fact("1.50"))
    assert truth.outcomes == {Outcome.STORED: 1, Outcome.DUPLICATE: 1}
    assert truth.documents == {"trades_X": {"X_1": {"_id": "X_1", "price": Decimal("1.5")}}}


def test_a_field_less_is_the_same_content_and_a_field_more_is_not() -> None:
    assert observed(fact("1", side="BUY"), fact("1")).outcomes[Outcome.DUPLICATE] == 1
    assert observed(fact("1"), fact("1", side="BUY")).outcomes[Outcome.CONFLICT] == 1


def test_other_content_under_the_same_key_is_a_conflict_and_the_first_stays() -> None:
    truth = observed(fact("1"), fact("2"), fact("2"))
    assert truth.outcomes == {Outcome.STORED: 1, Outcome.CONFLICT: 2}
    assert truth.documents["trades_X"]["X_1"]["price"] == 1
    assert truth.contradictions == {("trades_X", "X_1"): [{"_id": "X_1", "price": Decimal(2)}]}


def test_a_time_of_the_bus_is_no_content() -> None:
    first = Fact("depth_X", {"_id": "X_1", "timestamp": at(1)}, None, True)
    assert observed(first, first._replace(document={"_id": "X_1", "timestamp": at(2)})).outcomes[Outcome.DUPLICATE] == 1


OLD, NEW, CLOSED = (False, 1, 1, Decimal(1)), (False, 2, 1, Decimal(1)), (True, 1, 1, Decimal(1))


@pytest.mark.parametrize(
    ("versions", "winner"),
    [((OLD, NEW), "2"), ((NEW, OLD), "1"), ((CLOSED, NEW), "1"), ((NEW, CLOSED), "2"), ((OLD, CLOSED, NEW), "2")],
)
def test_the_newest_version_wins_in_any_order(versions: tuple[tuple[Any, ...], ...], winner: str) -> None:
    truth = observed(*(fact(str(n), version) for n, version in enumerate(versions, 1)))
    assert truth.documents["trades_X"]["X_1"]["price"] == Decimal(winner)


def test_an_older_version_is_stale_and_a_tie_is_compared() -> None:
    truth = observed(fact("1", NEW), fact("2", OLD), fact("1", NEW), fact("3", NEW))
    expected = {Outcome.STORED: 1, Outcome.STALE: 1, Outcome.DUPLICATE: 1, Outcome.CONFLICT: 1}
    assert truth.outcomes == expected


def test_history_settles_what_ran() -> None:
    running, settled = (False, (True, 9)), (True, (False, 0))
    assert observed(fact("1", settled), fact("2", running)).documents["trades_X"]["X_1"]["price"] == 1
    assert observed(fact("2", running), fact("1", settled)).documents["trades_X"]["X_1"]["price"] == 1


def test_every_message_is_counted_once() -> None:
    truth = observed(fact("1"), fact("1"))
    truth.observe(draft())
    truth.observe(draft(fact("1"), rejected=(Reason.MISSING_FIELD, Reason.MISSING_FIELD)))
    assert (truth.messages, truth.ignored, truth.received) == (4, 1, 6)
    assert truth.dead_letters == Counter({Reason.MISSING_FIELD: 2})


def test_what_was_withheld_is_missing_unless_it_came_after_all() -> None:
    truth = Truth()
    truth.withhold(draft(fact("1")))
    assert truth.missing == {"trades_X": {"X_1"}}
    truth.observe(draft(fact("1")))
    assert truth.missing == {}


def test_differences_name_what_is_missing_foreign_or_changed() -> None:
    truth = observed(fact("1"), Fact("trades_X", {"_id": "X_2"}), Fact("depth_Y", {"_id": "Y_1"}))
    right: dict[str, list[dict[str, Any]]]
    right = {"trades_X": [{"_id": "X_1", "price": Decimal("1.00")}, {"_id": "X_2"}], "depth_Y": [{"_id": "Y_1"}]}
    assert list(truth.differences(right)) == []
    wrong: dict[str, list[dict[str, Any]]]
    wrong = {"trades_X": [{"_id": "X_1", "price": Decimal("1.01")}, {"_id": "X_3"}], "other": [{"_id": "Z"}]}
    assert [line.split(",")[0] for line in truth.differences(wrong)] == [
        "depth_Y: Y_1 is missing",
        "other: Z was never sent",
        "trades_X: X_2 is missing",
        "trades_X: X_3 was never sent",
        "trades_X: X_1 is {'_id': 'X_1'",
    ]


def test_either_side_of_a_contradiction_is_accepted_and_nothing_else() -> None:
    truth = observed(fact("1"), fact("2"))
    found = [list(truth.differences({"trades_X": [{"_id": "X_1", "price": Decimal(p)}]})) for p in (1, 2, 3)]
    assert [bool(differences) for differences in found] == [False, False, True]


def test_the_truth_is_written_and_read_exactly(tmp_path: Path) -> None:
    market = Market(5, 3, Faults.parse(["all", "conflicts=0.01"]))
    list(islice(market, 3_000))
    write_truth(market.truth, tmp_path / "truth.json")
    read = read_truth(tmp_path / "truth.json")
    assert read.documents == market.truth.documents
    assert read.contradictions == market.truth.contradictions
    assert (read.missing, read.dead_letters) == (market.truth.missing, market.truth.dead_letters)
    assert (read.outcomes, read.received) == (market.truth.outcomes, market.truth.received)
    types = {
        type(value) for documents in read.documents.values() for row in documents.values() for value in row.values()
    }
    assert types == {str, int, bool, Decimal, datetime, tuple}
