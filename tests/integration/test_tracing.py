"""Spans on their way to a collector, over real HTTP."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nats
import pytest
from pydantic import SecretStr

from config import load
from config.service import TelemetrySettings
from consumer.identities import database_of
from consumer.running import run
from consumer.service import Service
from consumer.sources.jetstream import JetStreamSource
from consumer.telemetry import events, traces
from consumer.telemetry.identity import Bus, Database
from storage.adapters.mongodb import MongoDBAdapter
from tests import samples
from tests.otlp import OtlpReceiver
from tests.servers import Nats, Server

PUBLISHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
JETSTREAM = Bus("jetstream", "tapestore", "bus.example", 4222)
MONGODB = Database("mongodb", "market")


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver
    traces.shutdown_traces()


def one_batch() -> None:
    with traces.receive("md.trades") as receiving:
        receiving.got(2, [PUBLISHER])
    with traces.process("md.trades", 2, [PUBLISHER]):
        with traces.flush("trades", "trades_BTCUSDT", 2, [PUBLISHER, None]):
            pass
        events.batch_flushed("trades", "size", 2, 0.01)
        with traces.settle("md.trades", 2):
            pass


def test_a_trace_can_be_followed_from_the_publisher_to_the_collection(collector: OtlpReceiver) -> None:
    settings = TelemetrySettings(otlp_endpoint=collector.endpoint, service_name="tape")
    assert traces.configure_traces(settings, JETSTREAM, MONGODB)
    one_batch()
    assert traces.shutdown_traces()
    spans = {span.name: span for span in collector.spans}
    assert spans.keys() == {"fetch md.trades", "process md.trades", "insert trades_BTCUSDT", "ack md.trades"}
    process, flush, settle = (spans[name] for name in ("process md.trades", "insert trades_BTCUSDT", "ack md.trades"))
    assert process.linked_traces == (traces.trace_id_of(PUBLISHER),)
    assert spans["fetch md.trades"].linked_traces == process.linked_traces
    assert {flush.trace_id, settle.trace_id} == {process.trace_id}
    assert {flush.parent_id, settle.parent_id} == {process.span_id}
    assert flush.attributes["db.collection.name"] == "trades_BTCUSDT"
    assert process.attributes["tapestore.flush.trigger"] == "size"
    assert {span.resource["service.name"] for span in collector.spans} == {"tape"}
    assert {span.schema_url for span in collector.spans} == {"https://opentelemetry.io/schemas/1.44.0"}
    assert (process.kind, flush.kind) == ("CONSUMER", "CLIENT")


def test_spans_leave_by_themselves(collector: OtlpReceiver) -> None:
    traces.configure_traces(TelemetrySettings(otlp_endpoint=collector.endpoint + "/"), JETSTREAM, MONGODB)
    one_batch()
    collector.wait_for("process md.trades", "ack md.trades")


def test_headers_of_the_settings_are_sent(collector: OtlpReceiver) -> None:
    headers = SecretStr("api-key=abc%20d, x-tenant=t1")
    traces.configure_traces(TelemetrySettings(otlp_endpoint=collector.endpoint, otlp_headers=headers))
    one_batch()
    assert traces.shutdown_traces()
    sent = {name.lower(): value for name, value in collector.headers[0].items()}
    assert (sent["api-key"], sent["x-tenant"]) == ("abc d", "t1")


@pytest.mark.parametrize(("sampler", "argument", "count"), [("always_off", 1, 0), ("traceidratio", 0, 0)])
def test_the_sampler_of_the_settings_decides(
    sampler: str, argument: float, count: int, collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    told = {"otlp_endpoint": collector.endpoint, "traces_sampler": sampler, "traces_sampler_arg": argument}
    traces.configure_traces(TelemetrySettings.model_validate(told))
    one_batch()
    assert traces.shutdown_traces()
    assert len(collector.spans) == count


def test_a_collector_that_is_down_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and never answers
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        traces.configure_traces(TelemetrySettings(otlp_endpoint=endpoint))
        one_batch()
        started = time.monotonic()
        assert traces.shutdown_traces(0.5) is False
        assert time.monotonic() - started < 2


@pytest.mark.server("nats")
@pytest.mark.server("mongodb")
async def test_one_trace_leads_from_the_publisher_to_the_document(
    collector: OtlpReceiver,
    start_server: Callable[[type[Server]], Server],
    mongodb_uri: str,
    unique_name: str,
    tmp_path: Path,
) -> None:
    server = await asyncio.to_thread(start_server, Nats)
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(name="MARKET", subjects=["md.>"])
    await client.jetstream().publish("md.trades", samples.FUTURES_TRADE, headers={"traceparent": PUBLISHER})
    await client.close()
    settings = load(
        {
            "SOURCE": "jetstream",
            "NATS_URL": server.url,
            "NATS_SUBJECT": "md.>",
            "STORE": "mongodb",
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DB": unique_name,
            "LOCAL_PATH": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        }
    )
    traces.configure_traces(settings.telemetry, Bus("jetstream", settings.nats.durable), database_of(settings))
    source = JetStreamSource(settings.nats, prefetch_messages=100, prefetch_bytes=1_000_000)
    assert await run(Service(settings, source), until_idle=0.5, serve=False) == 0
    assert await asyncio.to_thread(traces.shutdown_traces)

    linked = [span for span in collector.spans if traces.trace_id_of(PUBLISHER) in span.linked_traces]
    assert {span.name for span in linked} >= {"fetch md.>", "process md.>", "insert trades_BTCUSDT"}
    (written,) = (span for span in linked if span.name == "insert trades_BTCUSDT")
    assert written.attributes["db.system.name"] == "mongodb"
    assert written.attributes["db.namespace"] == unique_name
    async with MongoDBAdapter(mongodb_uri, unique_name, max_collections=10) as store:
        (document,) = await store.query_latest(written.attributes["db.collection.name"])
    assert document["_id"] == "BTCUSDT_1672515782136_3112345678"
