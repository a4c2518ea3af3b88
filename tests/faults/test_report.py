"""The table of a fault run: every cell is a figure, or says why it is none."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tests.faults.judge import Figures
from tests.faults.report import EMPTY, SAME, Scenario, merged, rendered
from tests.faults.seeds import spans

RUN = Figures(7, sent=10, lost=0, duplicate_effects=1, recovery_seconds=1.25, redelivered=1200, peak_rss_mib=90)


def report(*figures: Figures, **more: Any) -> dict[str, Any]:
    scenario = Scenario("the bus dies", "a kill", "P1", runs=len(figures), figures=[asdict(each) for each in figures])
    for name, value in more.items():
        setattr(scenario, name, value)
    made = {"date": "2026-11-21T00:00:00+00:00", "seconds": 61, "versions": {"Python": "3.11"}}
    return {**made, "scenarios": [asdict(scenario)]}


def cells(report: dict[str, Any]) -> list[str]:
    """Of the only scenario, from `runs` on."""
    row = next(line for line in rendered(report).splitlines() if line.startswith("| the bus dies"))
    return [cell.strip() for cell in row.strip("|").split("|")][3:]


def test_figures_are_added_up_and_the_worst_is_shown() -> None:
    assert cells(report(RUN, RUN)) == ["2", "7", "20", "0", "2", "1.2 / 1.2 s", "2,400", "90 MiB"]


def test_what_cannot_be_measured_says_why_and_what_was_forgotten_shows() -> None:
    alone = report(Figures(sent=3, lost=0, duplicate_effects=0), instead={"redelivered": "a file"})

    assert cells(alone) == ["1", SAME, "3", "0", "0", EMPTY, "a file", EMPTY]


def test_a_run_that_failed_is_in_the_figures_too() -> None:
    assert cells(report(RUN, failed=["test"]))[0] == "1, **1 failed**"


def test_a_scenario_that_could_not_run_says_so_and_why() -> None:
    assert cells(report(not_run=["no faketime"])) == ["0, 1 not run: no faketime", SAME, *["not run"] * 6]


def test_two_reports_become_one() -> None:
    both = merged([report(RUN), report(RUN)])

    assert (both["seconds"], both["scenarios"][0]["runs"], len(both["scenarios"][0]["figures"])) == (122, 2, 2)


def test_seeds_that_follow_each_other_are_one_span() -> None:
    assert spans([3, 1, 2, 7, 2]) == "1-3, 7"
