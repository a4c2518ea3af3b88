"""What is said of a flow from a few looks at it."""

from __future__ import annotations

import pytest

from benchmarks.spans import Measurement, NotMeasured, Sample, Span, between, of_ceiling, of_rounds, steady


def test_a_span_is_what_happened_between_two_looks() -> None:
    span = between(Sample(1.0, 100, 0.5), Sample(3.0, 500, 0.9))

    assert (span.messages, span.seconds) == (400, 2.0)
    assert span.rate == 200
    assert span.cpu_us == pytest.approx(1000)


def test_start_and_drain_stay_apart() -> None:
    starting = [Sample(0.0, 0, 0.0), Sample(1.0, 0, 0.9)]
    flowing = [Sample(2.0, 100, 1.0), Sample(3.0, 500, 1.4), Sample(4.0, 900, 1.8)]
    draining = [Sample(5.0, 950, 2.9), Sample(9.0, 1000, 3.0)]

    assert steady([*starting, *flowing, *draining]) == between(flowing[0], flowing[-1])


def test_the_first_look_that_sees_anything_is_taken_when_it_sees_much() -> None:
    assert steady([Sample(0.0, 0, 0.0), Sample(1.0, 600, 0.1), Sample(2.0, 1000, 0.2)]).messages == 400


def test_what_only_prepares_stays_apart() -> None:
    preparing = [Sample(1.0, 100, 0.1), Sample(2.0, 500, 0.9)]
    measured = [Sample(3.0, 600, 1.0), Sample(4.0, 1000, 1.5), Sample(5.0, 1400, 2.0), Sample(6.0, 1500, 2.6)]

    assert steady([*preparing, *measured], since=500) == between(measured[0], measured[2])


@pytest.mark.parametrize(
    "samples",
    [[], [Sample(1.0, 0, 0.1)], [Sample(1.0, 10, 0.1)], [Sample(1.0, 0, 0.1), Sample(2.0, 10, 0.2)]],
    ids=["no look", "nothing arrived", "one look", "all between two looks"],
)
def test_a_flow_that_was_over_at_once_is_not_measured(samples: list[Sample]) -> None:
    with pytest.raises(NotMeasured, match="too few to measure"):
        steady(samples)


def test_the_ratio_is_that_of_the_rates() -> None:
    assert of_ceiling(Span(100, 2.0, 0.1), Span(1000, 5.0, 0.1)) == 0.25


def test_without_a_ceiling_there_is_no_ratio() -> None:
    assert of_ceiling(Span(100, 2.0, 0.1), None) is None
    assert of_ceiling(None, Span(100, 2.0, 0.1)) is None


def test_of_rounds_the_middle_rate_and_the_middle_cpu_count_with_the_most_memory_and_the_longest_start() -> None:
    rounds = [
        Measurement(Span(1_000_000, 10.0, 9.0), start_seconds=0.6, peak_rss_mb=900.0),
        Measurement(Span(2_000_000, 10.0, 12.0), start_seconds=0.9, peak_rss_mb=600.0),
        Measurement(Span(3_000_000, 10.0, 21.0), start_seconds=0.7, peak_rss_mb=700.0),
    ]
    assert of_rounds(rounds) == Measurement(Span(2_000_000, 10.0, 14.0), 0.9, 900.0)


def test_a_round_without_figures_has_none() -> None:
    assert of_rounds([Measurement(figures={"p50_ms": 20.0})]) == Measurement(figures={"p50_ms": 20.0})


def test_what_was_measured_once_stays_as_it_was() -> None:
    once = Measurement(Span(1_000_000, 10.0, 9.0), None, 100.0, {"of_first_delivery": 1.5})
    assert of_rounds([once]) == once
