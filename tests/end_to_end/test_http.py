"""What a running service answers over HTTP, and that the same numbers stand everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.simulator import Truth
from consumer.telemetry.metrics import OUTCOMES
from tests.end_to_end.command import count_of, running, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import Feed, check_store

pytestmark = pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
Row = Mapping[str, int]


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric by their labels' values, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def told_by_metrics(text: str) -> dict[str, Row]:
    """The sums of each kind as Prometheus sees them."""
    received = samples(text, "tapestore_records_received_total")
    ended = samples(text, "tapestore_records_total")
    return {
        kind: {"received": int(count), **{outcome: int(ended[kind, outcome]) for outcome in OUTCOMES}}
        for (kind,), count in received.items()
        if count
    }


def added(rows: Any) -> Counter[str]:
    """The sum of rows of counts."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: row[name] for name in ("received", *OUTCOMES)})
    return total


def symbols(truth: Truth) -> set[str]:
    return {str(document["symbol"]) for documents in truth.documents.values() for document in documents.values()}


def test_status_shows_what_waits_and_where(bus: Told, store: Told) -> None:
    told = {**bus, **store, "BATCH_MAX_AGE_SECONDS": "60"}
    feed = Feed(told)
    feed.send(500)
    waiting = feed.truth.messages - feed.truth.ignored
    with running("run", told=told) as service:
        status = service.wait_until(
            "/status", lambda _, status: status["sources"][0]["lag"] == status["in_flight"]["messages"] == waiting
        )
        metrics = service.text("/metrics")[1]
        ended = service.end()

    source = status["sources"][0]
    assert (source["name"], source["connected"], source["subscribed"]) == ("jetstream", True, True)
    assert (status["state"], status["breaker"], status["market"]) == ("running", "closed", "test")
    assert 0 < status["in_flight"]["bytes"] < status["in_flight"]["max_bytes"]
    lanes = {lane["kind"]: lane["records"] for lane in status["lanes"]}
    assert lanes.keys() >= {"trades", "candles", "depth", "dead_letters"}
    assert count_of("received", status) == count_of("ignored", status) + sum(lanes.values())
    assert samples(metrics, "tapestore_in_flight_messages") == {(): waiting}
    assert ended.code == 0, ended.err
    check_store(told, feed.truth)


def test_the_same_sums_stand_in_metrics_status_lineage_and_on_the_command_line(bus: Told, store: Told) -> None:
    told = {**bus, **store}
    feed = Feed(told)
    feed.send(1000)
    with running("run", "--json", told=told) as service:
        status = service.wait_until_settled(feed.truth.received)
        metrics = service.text("/metrics")[1]
        ended = service.end()
    lineage = tapestore("verify", "--json", told=told).json["totals"]

    assert told_by_metrics(metrics) == status["records"]
    total = added(status["records"].values())
    assert total["received"] == feed.truth.received == total.total() - total["received"]
    assert total["dead_lettered"] == feed.truth.dead_letters.total()
    datasets = ended.json["datasets"]
    assert added(datasets.values()) == total
    assert {row["dataset_id"]: added([row]) for row in lineage} == {
        f"test.{name}": added([row]) for name, row in datasets.items()
    }
    assert not [symbol for symbol in symbols(feed.truth) if symbol in metrics]
