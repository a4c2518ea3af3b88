"""The simulated market says every kind of message, in the shapes of the real one, and the same for the same seed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import islice, pairwise
from typing import Any

import pytest

from consumer.simulator import FLAT_SUBJECT, KINDS, Faults, Market, Simulated, subject_for
from storage import Outcome

COUNT = 6_000
ALL = Faults.parse(["all"])


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, 4)


@pytest.fixture(scope="module")
def messages(market: Market) -> list[Simulated]:
    return list(islice(market, COUNT))


@pytest.fixture(scope="module")
def payloads(messages: list[Simulated]) -> list[Any]:
    """What stands in the envelopes, or the flat messages themselves."""
    return [body.get("data", body) for body in (json.loads(message.data) for message in messages)]


def events(payloads: list[Any], event: str, symbol: str) -> list[Any]:
    flat = [payload for payload in payloads if not isinstance(payload, list)]
    return [payload for payload in flat if payload.get("e") == event and payload.get("s") == symbol]


def digest(seed: int, faults: Faults | None = None) -> str:
    hasher = hashlib.sha256()
    for message in islice(Market(seed, 3, faults), 2_000):
        hasher.update(repr(message).encode())
    return hasher.hexdigest()


def test_the_same_seed_says_the_same_bytes_and_the_same_truth() -> None:
    first, second = Market(7, 3, ALL), Market(7, 3, ALL)
    assert list(islice(first, 2_000)) == list(islice(second, 2_000))
    assert first.truth == second.truth


def test_another_seed_says_something_else() -> None:
    assert digest(7) != digest(8)


def test_the_same_seed_says_the_same_in_another_process() -> None:
    code = "from tests.unit.simulator.test_market import ALL, digest; print(digest(7, ALL))"
    others = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert others == {digest(7, ALL) + "\n"}


def test_one_more_fault_leaves_the_market_as_it_was() -> None:
    plain, twice = Market(7, 3), Market(7, 3, Faults(duplicates=0.1))
    sent = dict.fromkeys(message.data for message in islice(twice, 1_000))
    assert list(sent) == [message.data for message in islice(plain, len(sent))]


def test_without_faults_everything_is_new_and_nothing_is_rejected(market: Market, messages: list[Simulated]) -> None:
    stale_or_new = market.truth.outcomes
    assert stale_or_new.keys() == {Outcome.STORED}
    assert not market.truth.dead_letters
    assert market.truth.messages == len(messages) == COUNT
    assert market.truth.ignored > 0


def shape(payload: Any) -> str:
    """Which of the shapes on the wire this is, told by its fields alone."""
    match payload:
        case [{"e": event}, *_]:
            return f"list of {event}"
        case {"result": None, "id": int()}:
            return "control"
        case {"lastUpdateId": _}:
            return "partial depth of spot"
        case {"fundingTime": _}:
            return "funding row"
        case {"u": _, "B": _, "A": _}:
            return "bookTicker of " + ("futures" if "e" in payload else "spot")
        case {"e": "trade"}:
            return "trade of " + ("futures" if "X" in payload else "spot")
        case {"e": "depthUpdate"}:
            return "depth of " + ("futures" if "pu" in payload else "spot")
        case {"e": "kline", "k": {"x": bool(closed), "i": str(frame)}}:
            return f"kline {frame} {'closed' if closed else 'open'}"
        case {"e": "markPriceUpdate", "r": ""}:
            return "mark price without funding"
    return str(payload["e"])


SHAPES = {
    *("trade of spot", "trade of futures", "aggTrade", "forceOrder", "continuous_kline", "control", "funding row"),
    *("depth of spot", "depth of futures", "partial depth of spot", "bookTicker of spot", "bookTicker of futures"),
    *("24hrTicker", "24hrMiniTicker", "markPriceUpdate", "mark price without funding"),
    *("list of markPriceUpdate", "list of 24hrTicker", "list of 24hrMiniTicker"),
    *(f"kline {frame} {state}" for frame in ("1m", "5m", "1h", "1d", "1M") for state in ("open", "closed")),
}


def test_every_shape_occurs(payloads: list[Any]) -> None:
    assert {shape(payload) for payload in payloads} == SHAPES


def test_partial_depth_of_futures_is_told_by_its_stream_only(messages: list[Simulated]) -> None:
    bodies = [json.loads(message.data) for message in messages]
    partial = [body for body in bodies if "@depth20" in body.get("stream", "") and "e" in body["data"]]
    assert partial
    assert all(len(body["data"]["b"]) == len(body["data"]["a"]) == 20 for body in partial)


def test_every_collection_of_the_design_is_filled(market: Market, messages: list[Simulated]) -> None:
    kinds = {re.sub(r"_(SIM\d+|[A-Z0-9]+USDT).*", "", name) for name in market.truth.documents}
    assert kinds == {
        *("trades", "agg_trades", "candles", "depth", "funding_rates", "mark_prices", "tickers", "mini_tickers"),
        *("book_tickers", "liquidations"),
    }
    assert "candles_BTCUSDT_1M" in market.truth.documents
    assert "candles_BTCUSDT_PERPETUAL_1m" in market.truth.documents


def test_some_spot_trades_are_in_microseconds_and_some_carry_order_ids(payloads: list[Any]) -> None:
    trades = events(payloads, "trade", "BTCUSDT")
    assert any(trade["T"] > 10**15 for trade in trades)
    assert any("b" in trade and "a" in trade for trade in trades)


def test_trade_ids_follow_each_other_through_trades_and_aggregates(payloads: list[Any]) -> None:
    ids = []
    for payload in payloads:
        match payload:
            case {"e": "trade", "s": "BTCUSDT", "t": number}:
                ids.append(number)
            case {"e": "aggTrade", "s": "BTCUSDT", "f": first, "l": last}:
                ids += range(first, last + 1)
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_diff_follows_the_one_before(messages: list[Simulated]) -> None:
    bodies = [json.loads(message.data) for message in messages]
    streams = [(body.get("stream", ""), body.get("data", body)) for body in bodies]
    diffs = [data for stream, data in streams if "@depth20" not in stream and "U" in data and data["s"] == "BTCUSDT"]
    assert len(diffs) > 50
    for before, after in pairwise(diffs):
        assert after["U"] == before["u"] + 1
        assert after.get("pu", before["u"]) == before["u"]


def test_candles_are_updated_several_times_and_closed_once(payloads: list[Any]) -> None:
    updates: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for payload in payloads:
        if isinstance(payload, dict) and payload.get("e") == "kline":
            updates[payload["s"], payload["k"]["i"], payload["k"]["t"]].append(payload)
    minute = 1_743_465_540_000
    candle = updates["BTCUSDT", "1m", minute]
    assert [update["k"]["x"] for update in candle] == [False] * (len(candle) - 1) + [True]
    assert len(candle) > 3
    assert candle[-1]["k"]["T"] == minute + 59_999 < candle[-1]["E"]
    assert ("BTCUSDT", "1m", minute + 60_000) in updates


def test_a_month_closes_with_its_last_millisecond(payloads: list[Any]) -> None:
    months = [payload["k"] for payload in payloads if isinstance(payload, dict) and payload.get("e") == "kline"]
    closed = next(kline for kline in months if kline["i"] == "1M" and kline["x"])
    assert (closed["t"], closed["T"]) == (1_740_787_200_000, 1_743_465_599_999)  # March 2025


def test_funding_history_settles_each_funding_time_once(payloads: list[Any]) -> None:
    rows = [payload for payload in payloads if isinstance(payload, dict) and payload.get("symbol") == "BTCUSDT"]
    assert [round(row["fundingTime"] / 60_000) * 60_000 for row in rows] == [1_743_436_800_000, 1_743_465_600_000]


def test_messages_without_a_time_carry_one_in_the_envelope(messages: list[Simulated]) -> None:
    bodies = [json.loads(message.data) for message in messages]
    timeless = [body for body in bodies if isinstance(data := body.get("data"), dict) and "E" not in data]
    assert len(timeless) > 100
    assert all("timestamp" in body or "fundingTime" in body["data"] for body in timeless)


def test_traces_stand_in_headers_or_in_the_body_or_nowhere(messages: list[Simulated]) -> None:
    where = Counter((bool(message.headers), b"_otel_trace_headers" in message.data) for message in messages)
    assert where.keys() == {(True, False), (False, True), (False, False)}
    assert all(count > COUNT / 5 for count in where.values())
    for headers in (message.headers for message in messages if message.headers):
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])


def test_the_key_is_the_symbol(messages: list[Simulated]) -> None:
    symbols = {"BTCUSDT", "ETHUSDT", "BNBUSDT", "1000SHIBUSDT"}
    assert {message.key for message in messages} == symbols | {""}  # control frames are about no symbol


def test_one_flat_subject_unless_told_otherwise(messages: list[Simulated]) -> None:
    assert {message.subject for message in messages} == {FLAT_SUBJECT}


def test_subjects_in_a_hierarchy() -> None:
    subjects = {message.subject for message in islice(Market(1, 2, subject=None), COUNT)}
    assert {
        "md.binance.spot.trade.BTCUSDT",
        "md.binance.futures.trade.BTCUSDT",
        "md.binance.spot.kline.ETHUSDT.1m",
        "md.binance.futures.continuousKline.BTCUSDT.1h",
        "md.binance.spot.depth20.BTCUSDT",
        "md.binance.futures.markPrice.ALL",
        "md.binance.futures.markPrice.ETHUSDT",
        "md.binance.futures.funding.BTCUSDT",
        "md.binance.futures.control.ALL",
    } <= subjects
    assert all(re.fullmatch(r"md(\.[A-Za-z0-9_]+){4,5}", subject) for subject in subjects)


def test_a_pattern_asks_for_the_hierarchy() -> None:
    assert [subject_for(subject) for subject in ("md.>", "md.*.spot", "a.b")] == [None, None, "a.b"]


def test_time_goes_on(messages: list[Simulated]) -> None:
    times = [message.time_ms for message in messages]
    assert times == sorted(times)
    assert (times[-1] - times[0]) / COUNT == pytest.approx(20, rel=0.05)


def test_only_the_kinds_that_are_asked_for() -> None:
    market = Market(1, 2, kinds=("trade",))
    assert {json.loads(message.data).get("e", "trade") for message in islice(market, 500)} == {"trade"}
    assert market.truth.documents.keys() == {"trades_BTCUSDT", "trades_ETHUSDT"}


@pytest.mark.parametrize("kinds", [("nonsense",), (), ("funding_row",)])
def test_kinds_that_cannot_be_said_are_refused(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="kind"):
        Market(1, 2, kinds=kinds)


def test_a_market_has_at_least_one_symbol() -> None:
    with pytest.raises(ValueError, match="symbol"):
        Market(1, 0)


def test_thousands_of_symbols_have_names_of_their_own() -> None:
    keys = {message.key for message in islice(Market(1, 1_000, kinds=("trade",), keep_truth=False), 20_000)}
    assert len(keys) == 1_000


def test_without_truth_nothing_is_remembered() -> None:
    market = Market(1, 2, ALL, keep_truth=False)
    list(islice(market, 500))
    assert market.truth.messages == 0
    assert not market.truth.documents


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].weight])
def test_each_kind_can_be_asked_for_alone(kind: str) -> None:
    market = Market(1, 2, kinds=(kind,))
    list(islice(market, 50))
    assert market.truth.received >= 50
    assert market.truth.outcomes.total() or kind == "control"
