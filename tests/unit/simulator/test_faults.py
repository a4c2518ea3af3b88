"""Each fault does what its name says, as often as it was asked for."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice, pairwise
from typing import Any

import pytest

from consumer.simulator import USUAL, Faults, Market, Simulated
from consumer.simulator.broken import WAYS
from consumer.simulator.faults import Due
from storage import Outcome, Reason

COUNT = 6_000


def simulate(count: int = COUNT, **shares: float) -> tuple[Market, list[Simulated]]:
    market = Market(3, 4, Faults(**shares))
    return market, list(islice(market, count))


def payload(message: Simulated) -> Any:
    body = json.loads(message.data)
    return body.get("data", body)


def test_faults_are_asked_for_by_name_with_or_without_a_share() -> None:
    assert Faults.parse(["gap", "duplicates=0.5"]) == Faults(gap=USUAL["gap"], duplicates=0.5)
    assert Faults.parse([]) == Faults()
    assert Faults.parse(["all"]) == Faults(**USUAL)
    assert Faults.parse(["all", "broken=0"]) == Faults(**USUAL | {"broken": 0})


@pytest.mark.parametrize("word", ["nonsense", "gap=2", "gap=-1", "gap=many", "="])
def test_unknown_faults_and_impossible_shares_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"fault|share|float"):
        Faults.parse([word])


def test_a_share_is_met_exactly() -> None:
    due = Due(0.005)
    assert sum(due() for _ in range(1_000)) == 5


def test_a_gap_silences_one_symbol_for_a_while() -> None:
    market, messages = simulate(gap=0.0005)
    missing = market.truth.missing
    assert sum(map(len, missing.values())) > 50
    trades = sorted(int(key.rsplit("_")[-1]) for key in missing["trades_BTCUSDT"])
    kept = {payload(message)["t"] for message in messages if b"btcusdt@trade" in message.data}
    assert not kept & set(trades)
    assert min(kept) < trades[0] < trades[-1] < max(kept)
    assert not [key for key in kept if trades[0] < key < trades[-1]]


def test_no_gap_misses_nothing() -> None:
    market, _ = simulate(500, duplicates=0.1)
    assert market.truth.missing == {}


def test_duplicates_are_the_same_bytes_again() -> None:
    market, messages = simulate(duplicates=0.02)
    seen = Counter(message.data for message in messages if b'"result":null' not in message.data)
    again = sum(count - 1 for count in seen.values())
    assert again == pytest.approx(COUNT * 0.02, rel=0.1)
    assert market.truth.outcomes[Outcome.DUPLICATE] + market.truth.outcomes[Outcome.STALE] >= again


def test_several_trades_share_a_millisecond_and_are_several_documents() -> None:
    market, messages = simulate(same_ms=0.01)
    bodies = [payload(message) for message in messages]
    trades = [body for body in bodies if isinstance(body, dict) and body.get("e") in ("trade", "aggTrade")]
    bursts = Counter((trade["s"], trade["T"]) for trade in trades if trade["T"] < 10**15)
    assert sum(count >= 2 for count in bursts.values()) >= COUNT * 0.01 * 0.5
    assert max(bursts.values()) >= 4
    assert market.truth.outcomes.keys() == {Outcome.STORED}


def test_late_candles_come_after_their_candle_was_closed() -> None:
    market, messages = simulate(late_candles=0.01)
    closed: set[tuple[str, str, int]] = set()
    late = 0
    for body in map(payload, messages):
        if isinstance(body, dict) and body.get("e") in ("kline", "continuous_kline"):
            candle = (body["e"] + body.get("s", body.get("ps")), body["k"]["i"], body["k"]["t"])
            late += candle in closed
            if body["k"]["x"]:
                closed.add(candle)
    assert late > 10
    assert market.truth.outcomes[Outcome.STALE] == late
    for name, documents in market.truth.documents.items():
        if name.startswith("candles_") and name.endswith("_1m"):
            first = min(documents.values(), key=lambda document: document["timestamp"])
            assert first["is_closed"]


def test_disorder_lets_messages_be_overtaken_and_changes_no_document() -> None:
    market, messages = simulate(disorder=0.05)
    times = [message.time_ms for message in messages]
    assert sum(later < earlier for earlier, later in pairwise(times)) > COUNT * 0.02
    assert market.truth.outcomes[Outcome.CONFLICT] == 0
    assert market.truth.outcomes[Outcome.DUPLICATE] == 0


def test_broken_messages_are_counted_by_reason() -> None:
    market, _ = simulate(broken=0.02)
    expected = {way.reason for way in WAYS}
    assert market.truth.dead_letters.keys() == expected
    assert market.truth.dead_letters.total() == pytest.approx(COUNT * 0.02, rel=0.05)
    assert expected >= set(Reason) - {
        *(Reason.TOO_LARGE, Reason.SYMBOL_LIMIT, Reason.DOCUMENT_TOO_LARGE, Reason.SCHEMA, Reason.UNIQUE_INDEX),
        *(Reason.NOT_STORABLE, Reason.MAX_DELIVERIES),
    }


def test_a_broken_message_adds_no_document() -> None:
    market, messages = simulate(1_000, broken=0.1)
    assert market.truth.outcomes.keys() == {Outcome.STORED}
    assert b"\xff\xfe" in b"".join(message.data for message in messages)
    assert any(not message.data.endswith(b"}") for message in messages)


def test_one_bad_element_of_a_list_leaves_its_neighbours() -> None:
    market, messages = simulate(1_000, broken=0.1)
    broken = [message for message in messages if b'"was":' in message.data]
    assert broken
    elements = payload(broken[0])
    bad = [element for element in elements if "was" in element]
    assert len(bad) == 1
    good = [element for element in elements if "p" in element]
    keys = {key for documents in market.truth.documents.values() for key in documents}
    assert {f"{element['s']}_{element['E']}" for element in good} <= keys
    assert f"{bad[0]['s']}_{bad[0]['E']}" not in market.truth.documents[f"mark_prices_{bad[0]['s']}"]


def test_conflicts_use_a_key_again_with_other_content() -> None:
    market, messages = simulate(conflicts=0.005)
    conflicts = market.truth.outcomes[Outcome.CONFLICT]
    assert conflicts == pytest.approx(COUNT * 0.005, rel=0.1)
    assert len(market.truth.contradictions) == conflicts
    (collection, key), [other] = next(iter(market.truth.contradictions.items()))
    stored = market.truth.documents[collection][key]
    assert other["price"] == type(other["price"])(f"7{stored['price']}")
    assert {**other, "price": 0} == {**stored, "price": 0}
    spoken = [message for message in messages if f'"t":{stored["trade_id"]},"p":"7' in message.data.decode()]
    assert len(spoken) == 1
