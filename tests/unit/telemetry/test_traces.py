"""Spans of batches, by the names that OpenTelemetry gives them."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv import schemas
from opentelemetry.semconv._incubating.attributes import db_attributes, messaging_attributes
from opentelemetry.semconv._incubating.metrics import db_metrics, messaging_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes, service_attributes
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from config.service import TelemetrySettings
from consumer.telemetry import metrics, names, otlp, traces
from consumer.telemetry.identity import Bus, Database
from storage import TransientError

Spans = Callable[[], list[ReadableSpan]]
JETSTREAM = Bus("jetstream", "tapestore", "bus.example", 4222)
KAFKA = Bus("kafka", "group", "bus.example", 9092)
MONGODB = Database("mongodb", "market", "db.example", 27017)
SERVER = {"server.address": "bus.example"}
DEPRECATED = {
    "messaging.operation",
    "messaging.client_id",
    "messaging.kafka.consumer.group",
    "messaging.kafka.message.offset",
    "messaging.kafka.destination.partition",
    "messaging.client.published.messages",
    "db.system",
    "db.name",
    "db.mongodb.collection",
}


def parent(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


@pytest.fixture(autouse=True)
def identity() -> Iterator[None]:
    """Who talks to whom, until the test ends."""
    traces.configure_traces(TelemetrySettings(), JETSTREAM, MONGODB)
    yield
    traces.configure_traces(TelemetrySettings())


def test_a_receive_is_a_client_span_with_links(finished: Spans) -> None:
    with traces.receive("md.trades") as receiving:
        receiving.got(2, [parent(1), parent(2)])
    [span] = finished()
    assert (span.name, span.kind) == ("fetch md.trades", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == SERVER | {
        "messaging.system": "nats",
        "messaging.destination.name": "md.trades",
        "messaging.destination.subscription.name": "tapestore",
        "messaging.operation.type": "receive",
        "messaging.operation.name": "fetch",
        "messaging.batch.message_count": 2,
        "server.port": 4222,
    }
    assert [link.context.trace_id for link in span.links] == [1, 2]
    assert span.start_time is not None and span.end_time is not None and span.start_time <= span.end_time


def test_a_receive_that_brought_nothing_leaves_no_span(finished: Spans) -> None:
    with traces.receive("md.trades"):
        pass
    assert finished() == []


def test_kafka_polls_and_commits_for_a_group() -> None:
    assert (KAFKA.receiving, KAFKA.settling) == ("poll", "commit")
    attributes = KAFKA.operation("settle", "commit", "market-data", 1)
    assert (attributes["messaging.system"], attributes["messaging.consumer.group.name"]) == ("kafka", "group")
    assert "messaging.destination.subscription.name" not in attributes


def test_what_is_not_known_of_a_bus_is_not_told() -> None:
    assert Bus("file").attributes == {"messaging.system": "file"}


def test_processing_is_a_consumer_span_linked_to_its_messages(finished: Spans) -> None:
    with traces.process("md.>", 3, [parent(1), None, parent(1)]) as current:
        assert traces.current_trace_id() == format_trace_id(current.get_span_context().trace_id)
    [span] = finished()
    assert (span.name, span.kind) == ("process md.>", SpanKind.CONSUMER)
    attributes = span.attributes or {}
    assert attributes["messaging.destination.template"] == "md.>"
    assert "messaging.destination.name" not in attributes
    assert (attributes["messaging.operation.type"], attributes["messaging.batch.message_count"]) == ("process", 3)
    assert [link.context.trace_id for link in span.links] == [1]
    assert span.parent is None


def test_a_flush_is_a_database_span_inside_the_processing(finished: Spans) -> None:
    with traces.process("md.trades", 2), traces.flush("trades", "trades_BTCUSDT", 2, [None, None]):
        pass
    flush, process = finished()
    assert (flush.name, flush.kind) == ("insert trades_BTCUSDT", SpanKind.CLIENT)
    assert dict(flush.attributes or {}) == {
        "db.system.name": "mongodb",
        "db.namespace": "market",
        "db.collection.name": "trades_BTCUSDT",
        "db.operation.name": "insert",
        "db.operation.batch.size": 2,
        "server.address": "db.example",
        "server.port": 27017,
    }
    assert flush.parent is not None and flush.parent == process.get_span_context()


def test_the_size_of_a_batch_of_one_is_not_told(finished: Spans) -> None:
    with traces.flush("candles", "candles_BTCUSDT_1m", 1, [None]):
        pass
    [span] = finished()
    assert span.name == "update candles_BTCUSDT_1m"
    assert "db.operation.batch.size" not in (span.attributes or {})


def test_settling_is_a_client_span(finished: Spans) -> None:
    with traces.settle("md.trades", 7):
        pass
    [span] = finished()
    assert (span.name, span.kind) == ("ack md.trades", SpanKind.CLIENT)
    assert (span.attributes or {})["messaging.operation.type"] == "settle"


def test_a_failure_is_told_without_credentials(finished: Spans) -> None:
    with pytest.raises(TransientError), traces.flush("trades", "trades_BTCUSDT", 1, [None]):
        raise TransientError("mongodb://user:canary@host is away")
    [span] = finished()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "TransientError: mongodb://***@host is away"
    assert (span.attributes or {})["error.type"] == "TransientError"
    assert not span.events


def test_links_have_a_limit(finished: Spans) -> None:
    with traces.process("a", 500, [parent(number) for number in range(1, 501)]):
        pass
    [span] = finished()
    assert len(span.links) == traces.MAX_LINKS == 128


@pytest.mark.parametrize(
    "malformed",
    ["", "x", "00-abc-def-01", parent(0), "ff" + parent(1)[2:], parent(1) + "-more", "00-" * 100_000, "\x00", "é" * 55],
)
def test_a_malformed_trace_context_is_ignored(malformed: str, finished: Spans) -> None:
    assert traces.trace_id_of(malformed) is None
    with traces.process("a", 2, [malformed, parent(3)]):
        pass
    assert [link.context.trace_id for link in finished()[0].links] == [3]


def test_a_publisher_does_not_decide_about_our_sampling(finished: Spans) -> None:
    with traces.process("a", 1, [parent(1, flags="00")]):
        pass
    assert len(finished()) == 1


def test_the_trace_id_of_a_traceparent() -> None:
    assert traces.trace_id_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") == (
        "0af7651916cd43dd8448eb211c80319c"
    )
    assert traces.trace_id_of(None) is None


def test_without_an_endpoint_there_are_no_spans_and_nothing_is_parsed() -> None:
    unread = iter([parent(1)])
    assert traces.configure_traces(TelemetrySettings()) is False
    with traces.process("a", 1, unread) as span:
        assert not span.is_recording()
        assert traces.current_trace_id() is None
    assert list(unread) == [parent(1)]


def test_disabled_means_off_whatever_the_endpoint() -> None:
    settings = TelemetrySettings(otlp_endpoint="http://127.0.0.1:9", sdk_disabled=True)
    assert traces.configure_traces(settings) is False


def test_durations_are_measured_without_spans(sample: Callable[..., float | None]) -> None:
    with traces.receive("a") as receiving:
        receiving.got(1)
    with traces.process("a", 1), traces.settle("a", 1):
        pass
    with pytest.raises(TransientError), traces.flush("trades", "trades_BTCUSDT", 1, [None]):
        raise TransientError("x")
    count = "messaging_client_operation_duration_seconds_count"
    assert sample(count, messaging_operation_name="fetch", messaging_system="nats") == 1
    assert sample(count, messaging_operation_name="ack", error_type="") == 1
    assert sample("messaging_process_duration_seconds_count") == 1
    assert sample("db_client_operation_duration_seconds_count", error_type="transient", db_system_name="mongodb") == 1


@pytest.mark.parametrize("name", [name for name in vars(names) if name.isupper()])
def test_names_are_those_of_the_pinned_conventions(name: str) -> None:
    value = getattr(names, name)
    modules = [db_attributes, messaging_attributes, error_attributes, server_attributes, service_attributes]
    known = {
        v for module in [*modules, db_metrics, messaging_metrics] for v in vars(module).values() if isinstance(v, str)
    }
    if isinstance(value, str) and name != "SCHEMA_URL" and not value.startswith("tapestore."):
        assert value in known
        assert value not in DEPRECATED


def test_the_schema_is_one_that_the_package_knows() -> None:
    assert names.SCHEMA_URL in {schema.value for schema in schemas.Schemas}


def test_deprecated_names_are_never_emitted(finished: Spans) -> None:
    with traces.receive("a") as receiving:
        receiving.got(1)
    with traces.process("a", 1), traces.flush("trades", "trades_BTCUSDT", 2, [None, None]), traces.settle("a", 1):
        pass
    emitted = {name for span in finished() for name in span.attributes or {}}
    emitted |= {label for metric in metrics.DECLARED for label in metric.labels}
    emitted |= {metric.name for metric in metrics.DECLARED}
    assert not emitted & DEPRECATED


def test_the_resource_is_what_the_settings_say_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "from=environment")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "environment")
    settings = TelemetrySettings(service_name="tape", resource_attributes="k8s.pod.name=a%20b, service.version=9,,x")
    attributes = otlp.resource(settings).attributes
    assert attributes["service.name"] == "tape"
    assert (attributes["k8s.pod.name"], attributes["service.version"]) == ("a b", "9")
    assert attributes["service.instance.id"]
    assert "from" not in attributes


@pytest.mark.parametrize("name", otlp.SAMPLERS)
def test_every_sampler_of_the_settings_can_be_made(name: str) -> None:
    assert otlp.SAMPLERS[name](0.5).get_description()
    assert TelemetrySettings.model_validate({"traces_sampler": name})
