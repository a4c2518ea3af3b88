"""Each event is a log line and, where it counts, a metric."""

import inspect
from collections.abc import Callable
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from consumer.errors import SourceRefused
from consumer.telemetry import events, names, traces
from consumer.telemetry.declare import DECLARED, catch_up
from consumer.telemetry.instruments import Counter
from storage import OperatorError, Reason, TransientError

LineReader = Callable[[], list[dict[str, Any]]]
Sample = Callable[..., float | None]


def test_a_batch_is_measured_and_quiet(lines: LineReader, sample: Sample) -> None:
    events.batch_flushed("trades", "size", 2000, 0.02, latency=0.4)
    [line] = lines()
    assert line["level"] == "debug"
    assert (line["kind"], line["trigger"], line["records"], line["seconds"]) == ("trades", "size", 2000, 0.02)
    assert sample("tapestore_flush_duration_seconds_count", trigger="size") == 1
    assert sample("tapestore_flush_messages_sum") == 2000
    assert sample("tapestore_end_to_end_latency_seconds_sum") == 0.4
    assert (sample("tapestore_last_durable_write_timestamp_seconds") or 0) > 1.7e9


def test_a_batch_marks_the_span_that_it_is_in(finished: Callable[[], list[ReadableSpan]]) -> None:
    with traces.process("a", 1):
        events.batch_flushed("candles", "age", 1, 0.1)
    attributes = finished()[0].attributes or {}
    assert (attributes[names.RECORD_KIND], attributes[names.FLUSH_TRIGGER]) == ("candles", "age")


def test_a_poison_flood_is_a_few_lines_that_add_up(lines: LineReader, sample: Sample) -> None:
    for _ in range(1000):
        events.dead_lettered(Reason.NOT_JSON, 2)
    events.dead_lettered(Reason.TOO_DEEP, 1)
    catch_up(at_the_end=True)
    written = [line for line in lines() if line["reason"] == "not json"]
    assert [line["count"] for line in written] == [2, 1998]
    assert written[-1]["occurrences"] == 999
    assert {line["level"] for line in written} == {"warning"}
    assert sample("tapestore_dlq_messages_total", reason="not json") == 2000


def test_the_stop_of_the_service_tells_what_was_held_back(lines: LineReader) -> None:
    events.conflicts_recorded("trades", 1)
    events.conflicts_recorded("trades", 4)
    events.service_stopped(0)
    assert [(line["event"], line.get("count")) for line in lines()] == [
        ("conflicts_recorded", 1),
        ("conflicts_recorded", 4),
        ("service_stopped", None),
    ]


@pytest.mark.parametrize("error", [OperatorError("no", fix="grant it"), SourceRefused("no", fix="grant it")])
def test_an_operator_is_told_what_to_do(
    error: OperatorError | SourceRefused, lines: LineReader, sample: Sample
) -> None:
    events.operator_needed(error)
    [line] = lines()
    assert (line["level"], line["error"], line["fix"]) == ("error", f"{type(error).__name__}: no", "grant it")
    assert sample("tapestore_operator_needed_total") == 1


def test_a_retry_is_told_once_for_each_kind_and_class_of_error(lines: LineReader, sample: Sample) -> None:
    for delay in (0.1, 0.2, 0.4):
        events.write_retried("trades", TransientError(f"after {delay}"), delay)
    events.write_retried("candles", TransientError("x"), 0.1)
    events.write_retried("trades", TimeoutError("x"), 0.1)
    assert [(line["kind"], line["error"]) for line in lines()] == [
        ("trades", "TransientError: after 0.1"),
        ("candles", "TransientError: x"),
        ("trades", "TimeoutError: x"),
    ]
    assert sample("tapestore_writes_retried_total", failure="transient") == 4
    assert sample("tapestore_writes_retried_total", failure="unknown") == 1


def test_an_error_that_nobody_foresaw_comes_with_its_traceback(lines: LineReader, sample: Sample) -> None:
    try:
        raise KeyError("surprise")
    except KeyError as error:
        events.unknown_error("writer", error)
    [line] = lines()
    assert line["level"] == "error"
    assert (line["where"], line["error"]) == ("writer", "KeyError: 'surprise'")
    assert "test_events.py" in line["exception"]
    assert sample("tapestore_errors_unknown_total") == 1


def test_a_pause_is_measured_when_it_ends(lines: LineReader, sample: Sample) -> None:
    events.pull_paused("breaker")
    events.pull_resumed(1.5)
    events.pull_resumed(0.5)
    assert [line["event"] for line in lines()] == ["pull_paused", "pull_resumed"]
    assert sample("tapestore_backpressure_seconds_total") == 2


def test_a_start_shows_a_closed_breaker(lines: LineReader, sample: Sample) -> None:
    events.service_started("kafka", "mongodb", "at least once")
    assert sample("tapestore_circuit_breaker_state", state="closed") == 1
    events.breaker_changed("open")
    assert sample("tapestore_circuit_breaker_state", state="open") == 1
    assert [line["event"] for line in lines()] == ["service_started", "breaker_changed"]


def test_lost_offsets_are_counted(lines: LineReader, sample: Sample) -> None:
    events.offsets_lost("kafka", "market-data-0", wanted=10, earliest=25)
    assert sample("tapestore_offsets_lost_total", source="kafka") == 15
    assert lines()[0]["level"] == "error"


def test_settlements_and_rebalances_are_counted(lines: LineReader, sample: Sample) -> None:
    events.settled("kafka", "commit", 500)
    events.rebalanced("kafka", 3, 0.5)
    events.lineage_written(4)
    assert sample("tapestore_messages_settled_total", source="kafka", outcome="commit") == 500
    assert sample("tapestore_rebalances_total") == 1
    assert sample("tapestore_lineage_rows_total") == 4


def test_nothing_is_counted_and_nothing_breaks_before_metrics_are_configured(lines: LineReader) -> None:
    events.batch_flushed("trades", "size", 1, 0.1)
    Counter("unbound", "", "Nobody reads it.").add(1)


def test_each_level_keeps_its_promise() -> None:
    each_batch = {"batch_flushed", "settled", "lineage_written"}
    needs_a_person_or_lost_data = {
        "source_refused",
        "message_stranded",
        "operator_needed",
        "unknown_error",
        "records_dropped",
        "offsets_lost",
    }
    assert {name for name, event in DECLARED.items() if event.level == DEBUG} == each_batch
    assert {name for name, event in DECLARED.items() if event.level == ERROR} == needs_a_person_or_lost_data
    assert {event.level for event in DECLARED.values()} == {DEBUG, INFO, WARNING, ERROR}


def test_every_public_function_is_a_declared_event_with_a_sentence() -> None:
    functions = [
        name
        for name, value in vars(events).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == events.__name__
    ]
    assert functions == list(DECLARED)
    assert all(event.about.endswith(".") for event in DECLARED.values())


def test_floods_are_grouped_and_summed_by_fields_that_exist() -> None:
    for event in DECLARED.values():
        assert {*event.by, *event.total} <= set(event.fields)
        assert event.throttle is not None or not (event.by or event.total)
