"""The report, as a table and as JSON."""

from __future__ import annotations

from benchmarks.report import Report, aligned, as_json, as_table
from benchmarks.spans import Measurement, Span

REPORT = Report(
    conditions={"cores": "2"},
    measured={
        "version": Measurement(start_seconds=0.876),
        "ceiling": Measurement(Span(200_000, 0.5, 0.2)),
        "kafka-mongodb": Measurement(Span(160_000, 2.0, 1.6), 1.2345, 123.456),
    },
    failed={"jetstream-mongodb": "nats is not installed"},
    titles={name: name for name in ("version", "ceiling", "kafka-mongodb", "jetstream-mongodb")},
)


def test_each_row_has_its_ratio_and_cost() -> None:
    assert as_json(REPORT)["rows"]["kafka-mongodb"] == {
        "messages": 160_000,
        "seconds": 2.0,
        "docs_per_second": 80_000,
        "of_ceiling": 0.2,
        "cpu_us_per_message": 10.0,
        "peak_rss_mb": 123.5,
        "start_seconds": 1.23,
    }


def test_what_a_row_does_not_say_is_null() -> None:
    row = as_json(REPORT)["rows"]["version"]

    assert row.pop("start_seconds") == 0.88
    assert set(row.values()) == {None}


def test_what_was_not_measured_is_told_with_its_reason() -> None:
    assert as_json(REPORT)["not_measured"] == {"jetstream-mongodb": "nats is not installed"}


def test_the_table_is_markdown() -> None:
    head, rule, *rows = as_table(REPORT).splitlines()

    assert head.startswith("| trades of 10 symbols, unless said ")
    assert set(rule) == set("|:- ")
    assert [row.split("|")[4].strip() for row in rows] == ["", "400,000", "80,000"]
    assert len({len(line) for line in (head, rule, *rows)}) == 1


def test_numbers_stand_to_the_right() -> None:
    assert aligned([("step", "µs"), ("decode", "7.5")]).splitlines()[2] == "| decode | 7.5 |"
    assert aligned([("step", "µs a message"), ("decode", "7.5")]).splitlines()[2] == "| decode |          7.5 |"
