"""What the rows are fed with."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from benchmarks.feeds import CANDLES, FEEDS, MIX, feed, many_collections
from consumer.simulator.envelope import Simulated


@pytest.mark.parametrize("name", FEEDS)
def test_every_run_has_the_same_messages(name: str) -> None:
    assert feed(name, 4_000) == feed(name, 4_000)


def test_depth_has_twenty_levels_a_side() -> None:
    assert {(len(book["b"]), len(book["a"])) for book in map(_payload, feed("depth", 500).messages)} == {(20, 20)}


def test_the_mix_has_its_shares() -> None:
    messages = feed("mixed", 10_000).messages
    events = Counter(_payload(message)["e"] for message in messages)
    names = ("trade", "depthUpdate", "bookTicker", "markPriceUpdate", "kline")

    assert len(messages) == 10_000
    assert {name: events[name] / 10_000 for name in names} == pytest.approx(
        dict(zip(names, MIX.values(), strict=True)), abs=0.02
    )


def test_a_message_for_each_collection_goes_ahead() -> None:
    messages, unmeasured = feed("many-symbols", 10_000)
    made = {message.subject for message in messages[:unmeasured]}

    assert len(made) == unmeasured == 4 * 150
    assert {message.subject for message in messages} == made
    assert {message.key for message in messages} == {name.rpartition("_")[2] for name in many_collections(10_000)}
    assert len(many_collections(10_000)) == unmeasured


def test_everything_comes_a_second_time() -> None:
    messages, unmeasured = feed("twice", 400)

    assert messages[:unmeasured] == messages[unmeasured:]


def test_each_candle_has_four_updates_a_second_and_stays_open() -> None:
    updates = [_payload(message) for message in feed("candles", 200_000).messages]

    assert {(update["k"]["i"], update["k"]["x"]) for update in updates} == {("1m", False)}
    assert len({(update["s"], update["k"]["t"]) for update in updates}) == CANDLES
    assert Counter(update["E"] // 1000 for update in updates) == Counter(
        dict.fromkeys({update["E"] // 1000 for update in updates}, 4 * CANDLES)
    )


def _payload(message: Simulated) -> dict[str, Any]:
    told = json.loads(message.data)
    payload: dict[str, Any] = told.get("data", told)
    return payload
