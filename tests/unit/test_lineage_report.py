"""What a run reports of each interval: what moved, once."""

from __future__ import annotations

from consumer.lineage import LineageReport
from consumer.pipeline.tally import Counts, Fate, Tally
from storage.metadata import LineageRow
from tests.contracts.rows import NOON


def report_of(tally: Tally) -> LineageReport:
    return LineageReport(tally, run_id="run-1", market="spot", transformation="consume", now=lambda: NOON)


def moved(tally: Tally, partition: str, first: int, last: int) -> Counts:
    counts = tally.of("trades_BTCUSDT", "trades", "kafka", partition)
    counts.receive(last - first + 1, first, last)
    counts.fates[Fate.STORED] += last - first
    return counts


def test_a_row_says_what_is_new_since_the_last() -> None:
    tally = Tally()
    report = report_of(tally)
    moved(tally, "market/0", 1, 3)
    (first,) = report.rows()
    moved(tally, "market/0", 4, 9)

    (second,) = report.rows()

    assert (first.received, first.stored, first.in_flight, first.parameters) == (3, 2, 1, {"first": 1, "last": 3})
    assert (second.received, second.stored, second.in_flight, second.parameters) == (6, 5, 2, {"first": 4, "last": 9})
    assert first.lineage_id != second.lineage_id


def test_what_did_not_move_has_no_row() -> None:
    tally = Tally()
    report = report_of(tally)
    for partition in ("market/0", "market/1"):
        moved(tally, partition, 1, 3)
    tally.of("trades_BTCUSDT", "trades", "kafka", "market/2")
    assert len(list(report.rows())) == 2
    moved(tally, "market/1", 4, 4)

    assert [row.source_dataset_id for row in report.rows()] == ["kafka:market/1"]
    assert list(report.rows()) == []


def test_what_was_not_taken_is_told_the_next_time() -> None:
    tally = Tally()
    report = report_of(tally)
    for partition in ("market/0", "market/1"):
        moved(tally, partition, 1, 3)
    taken = next(report.rows())

    assert [row.source_dataset_id for row in (taken, *report.rows())] == ["kafka:market/0", "kafka:market/1"]


def test_counts_that_are_made_while_rows_are_taken_wait_for_the_next_time() -> None:
    tally = Tally()
    report = report_of(tally)
    moved(tally, "market/0", 1, 3)
    rows = report.rows()
    next(rows)
    moved(tally, "market/1", 1, 3)

    assert list(rows) == []
    assert len(list(report.rows())) == 1


def test_the_closing_row_has_the_sums_of_all_rows_and_comes_last() -> None:
    tally = Tally()
    report = report_of(tally)
    moved(tally, "market/0", 1, 3)
    rows = list(report.rows())
    moved(tally, "market/0", 4, 9)

    *rest, closing = report.last_rows()

    assert (closing.transformation, closing.status, closing.dataset_id) == ("run", "closed", "spot")
    assert (closing.received, closing.stored) == _sums([*rows, *rest])


def _sums(rows: list[LineageRow]) -> tuple[int, int]:
    return sum(row.received for row in rows), sum(row.stored for row in rows)
