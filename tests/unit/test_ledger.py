"""Whether the numbers of each run add up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from storage.auditing import Finding, Kind, verify
from storage.metadata import LineageTotals

NOON = datetime(2025, 10, 21, 12, tzinfo=UTC)


def totals(run_id: str = "run-1", dataset_id: str = "m.trades_BTCUSDT", **changes: Any) -> LineageTotals:
    whole: dict[str, Any] = {
        "transformation": "consume",
        "closed": False,
        "rows": 1,
        "first_timestamp": NOON,
        "last_timestamp": NOON,
    }
    return LineageTotals(run_id=run_id, dataset_id=dataset_id, **(whole | changes))


def ended(run_id: str = "run-1", **counts: Any) -> LineageTotals:
    return totals(run_id, "m", transformation="run", closed=True, **counts)


def told(findings: list[Finding]) -> list[tuple[str, str, Kind, int, bool]]:
    return [(one.run_id, one.dataset_id, one.kind, one.difference, one.failure) for one in findings]


EVEN: dict[str, Any] = {"received": 28, "stored": 1, "duplicate": 2, "stale": 3, "conflict": 4}
EVEN |= {"dead_lettered": 5, "ignored": 6, "returned": 7}


def test_nothing_written_is_nothing_wrong() -> None:
    assert verify([]) == []


def test_every_outcome_counts() -> None:
    assert verify([totals(**EVEN), ended(**EVEN)]) == []


def test_an_ended_run_that_is_uneven_is_a_failure() -> None:
    findings = verify([totals(received=10, stored=9), ended(received=10, stored=9)])

    assert told(findings) == [("run-1", "m.trades_BTCUSDT", Kind.UNBALANCED, 1, True)]
    assert findings[0].text == "received 10, ended 9 (stored 9)"


def test_datasets_do_not_make_up_for_each_other() -> None:
    findings = verify(
        [
            totals(dataset_id="m.a", received=10, stored=9),
            totals(dataset_id="m.b", received=9, stored=10),
            ended(received=19, stored=19),
        ]
    )

    assert [finding.difference for finding in findings] == [1, -1]


def test_a_run_without_an_end_has_an_open_interval_and_no_failure() -> None:
    assert told(verify([totals(received=10, stored=9)])) == [("run-1", "m.trades_BTCUSDT", Kind.OPEN, 1, False)]


def test_more_ends_than_records_are_wrong_in_an_open_run_too() -> None:
    assert told(verify([totals(received=9, stored=10)])) == [("run-1", "m.trades_BTCUSDT", Kind.UNBALANCED, -1, True)]


def test_a_row_that_never_came_is_missed_at_the_end() -> None:
    findings = verify([totals(received=10, stored=10), ended(received=15, stored=14, stale=1)])

    assert {(finding.kind, finding.difference) for finding in findings} == {
        (Kind.MISSING_ROWS, 5),
        (Kind.MISSING_ROWS, 4),
        (Kind.MISSING_ROWS, 1),
    }


def test_one_run_says_nothing_of_another() -> None:
    findings = verify([totals(**EVEN), ended(**EVEN), totals("run-2", received=3)])

    assert told(findings) == [("run-2", "m.trades_BTCUSDT", Kind.OPEN, 3, False)]


def test_a_dataset_is_one_over_all_transformations() -> None:
    parts = [totals(received=5, stored=2), totals(transformation="replay", received=5, stored=8)]

    assert verify([*parts, ended(received=10, stored=10)]) == []
