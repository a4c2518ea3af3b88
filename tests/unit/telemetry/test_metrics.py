"""What Prometheus reads."""

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.telemetry import metrics, names
from consumer.telemetry.instruments import Counter, Histogram, Instrument, Observed
from storage import TABLES, Reason, TransientError, UnavailableError
from storage.errors import OperatorError, RejectedError

Sample = Callable[..., float | None]
NAMES = """
    messages_received_total messages_settled_total messages_redelivered_total documents_written_total dlq_messages_total
    flush_duration_seconds flush_messages buffer_messages buffer_bytes buffer_limit_bytes backpressure_seconds_total
    end_to_end_latency_seconds consumer_lag_messages oldest_unsettled_message_age_seconds
    last_durable_write_timestamp_seconds circuit_breaker_state event_loop_lag_seconds rebalances_total
    rebalance_duration_seconds build_info
"""
CONVENTIONAL = """
    messaging_client_consumed_messages_total messaging_client_operation_duration_seconds
    messaging_process_duration_seconds db_client_operation_duration_seconds
"""


def exercise() -> None:
    """Make every metric say something."""
    metrics.configure_metrics()
    for declared in metrics.DECLARED:
        first = [values[0] for values in declared.labels.values()]
        match declared:
            case Counter():
                declared.add(1, *first)
            case Histogram():
                declared.record(1, *first)
            case Observed():
                declared.observe(lambda first=first: {tuple(first): 1})  # type: ignore[misc]  # bound at once
            case _:
                pass
    metrics.breaker_is("open")
    metrics.LAST_DURABLE_WRITE.set(1)
    metrics.LOOP_LAG.set(1)


@pytest.fixture
def unobserved() -> None:
    """Nobody is read any more."""
    for declared in metrics.DECLARED:
        if isinstance(declared, Observed):
            declared.observe(lambda: None)


def test_every_declared_metric_is_exposed_under_the_name_that_the_reference_tells() -> None:
    exercise()
    families = text_string_to_metric_families(metrics.exposition().decode())
    exposed = {sample.name for family in families for sample in family.samples}
    told = {each.prometheus_name + ("_bucket" if isinstance(each, Histogram) else "") for each in metrics.DECLARED}
    assert told <= exposed


@pytest.mark.parametrize("name", [f"tapestore_{name}" for name in NAMES.split()] + CONVENTIONAL.split())
def test_the_names_that_dashboards_expect_are_there(name: str) -> None:
    assert name in {each.prometheus_name for each in metrics.DECLARED}


def test_names_are_unique() -> None:
    assert len({each.name for each in metrics.DECLARED}) == len(metrics.DECLARED)


@pytest.mark.parametrize("metric", metrics.DECLARED, ids=lambda metric: metric.name)
def test_every_metric_has_a_unit_a_sentence_and_closed_labels(metric: Instrument) -> None:
    assert metric.description.endswith((".", "label."))
    assert metric.unit in ("s", "By", "") or metric.unit.startswith("{")
    assert all(values and len(values) <= 32 for values in metric.labels.values())
    assert not {"symbol", "collection", names.DB_COLLECTION_NAME, names.MESSAGING_DESTINATION_NAME} & set(metric.labels)


def test_a_label_outside_its_set_is_counted_as_other(sample: Sample) -> None:
    metrics.MESSAGES_SETTLED.add(2, "kafka", "BTCUSDT")
    metrics.MESSAGES_SETTLED.add(3, "kafka", "ETHUSDT")
    assert sample("tapestore_messages_settled_total", source="kafka", outcome="other") == 5


def test_the_number_of_series_does_not_grow_with_hostile_labels(sample: Sample) -> None:
    for number in range(5000):
        metrics.DEAD_LETTERS.add(1, f"reason {number}")
    lines = [line for line in metrics.exposition().splitlines() if line.startswith(b"tapestore_dlq_messages_total{")]
    assert len(lines) == len(Reason) + 1


def test_a_counter_is_there_before_the_first_event(sample: Sample) -> None:
    assert sample("tapestore_dlq_messages_total", reason="not json") == 0
    assert sample("tapestore_errors_unknown_total") == 0


def test_the_tally_is_read_when_somebody_asks(sample: Sample) -> None:
    tally = {
        ("trades", "received"): 7,
        ("trades", "stored"): 4,
        ("trades", "duplicate"): 2,
        ("undecoded", "ignored"): 9,
    }
    metrics.observe_tally(lambda: tally)
    tally["trades", "stored"] = 5
    assert sample("tapestore_records_received_total", kind="trades") == 7
    assert sample("tapestore_records_total", kind="trades", outcome="stored") == 5
    assert sample("tapestore_records_total", kind="undecoded", outcome="ignored") == 9
    assert sample("tapestore_records_total", kind="trades", outcome="received") is None
    assert sample("tapestore_documents_written_total", kind="trades", result="inserted") == 5
    assert sample("tapestore_documents_written_total", kind="undecoded", result="ignored") is None


def test_messages_are_counted_under_the_source_and_under_the_system(sample: Sample) -> None:
    metrics.observe_messages("jetstream", received=lambda: 5, redelivered=lambda: 2, dropped=lambda: 0)
    assert sample("tapestore_messages_received_total", source="jetstream") == 5
    assert sample("tapestore_messages_redelivered_total", source="jetstream") == 2
    assert sample("tapestore_messages_dropped_total", source="jetstream") == 0
    assert sample("messaging_client_consumed_messages_total", messaging_system="nats") == 5


def test_a_gauge_that_nobody_keeps_is_not_shown(unobserved: None, sample: Sample) -> None:
    assert sample("tapestore_in_flight_bytes") is None


def test_a_number_that_is_not_known_is_not_shown(sample: Sample) -> None:
    metrics.LAG.observe(lambda: None)
    assert sample("tapestore_consumer_lag_messages") is None
    metrics.LAG.observe(lambda: {("kafka",): 12})
    assert sample("tapestore_consumer_lag_messages", source="kafka") == 12


def test_exactly_one_state_of_the_breaker_is_on(sample: Sample) -> None:
    metrics.breaker_is("open")
    metrics.breaker_is("half-open")
    states = {state: sample("tapestore_circuit_breaker_state", state=state) for state in metrics.BREAKER_STATES}
    assert states == {"closed": 0, "open": 0, "half-open": 1}


def test_configuring_again_starts_from_zero(sample: Sample) -> None:
    metrics.OPERATOR_NEEDED.add(1)
    metrics.configure_metrics()
    assert sample("tapestore_operator_needed_total") == 0


def test_buckets_are_those_of_the_conventions(sample: Sample) -> None:
    metrics.DATABASE_OPERATION_SECONDS.record(0.002, "mongodb", "insert", "")
    assert sample("db_client_operation_duration_seconds_bucket", le="0.001") == 0
    assert sample("db_client_operation_duration_seconds_bucket", le="0.005") == 1
    assert sample("db_client_operation_duration_seconds_bucket", le="0.025") is None


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (UnavailableError("x"), "unavailable"),
        (TransientError("x"), "transient"),
        (OperatorError("x", fix="y"), "operator"),
        (RejectedError("x"), "rejected"),
        (ValueError("x"), "unknown"),
    ],
)
def test_failures_are_a_closed_set(error: Exception, failure: str) -> None:
    assert metrics.failure_of(error) == failure
    assert failure in metrics.FAILURES


def test_every_kind_of_record_has_its_label() -> None:
    assert set(TABLES) < set(metrics.KINDS)
