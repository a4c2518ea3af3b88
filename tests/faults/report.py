"""The report of a fault run: gathered as JSON, shown as a table: `python -m tests.faults.report REPORT.json…`.

The second writes the table into docs/reliability.md, between its two marks; several reports become one. It fails when a
run did, or when a cell is empty: what a scenario cannot measure it explains, by `instead` in its mark.
"""

from __future__ import annotations

import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.faults.seeds import spans
from tests.servers.cache import SERVERS, find

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
KEPT = PAGE.with_suffix(".json")
BEGIN, END = "<!-- written by make faults -->", "<!-- end of what make faults wrote -->"
EMPTY = "**not measured**"
SAME = "none: always the same"
PACKAGES = ("tapestore", "pymongo", "nats-py", "aiokafka")


@dataclass
class Scenario:
    """All runs of one scenario."""

    scenario: str
    injection: str
    holds: str
    instead: dict[str, str] = field(default_factory=dict)
    place: list[Any] = field(default_factory=list)
    runs: int = 0
    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)


class Runs:
    """What came of each scenario."""

    def __init__(self) -> None:
        self.scenarios: dict[str, Scenario] = {}
        self._skipped: set[str] = set()

    def add(self, report: pytest.TestReport) -> None:
        """Note a test that ended; one that says no scenario is none of ours."""
        properties = list(report.user_properties)
        told: Any = next((value for name, value in properties if name == "fault"), None)
        if told is None:
            return
        where = [report.location[0], report.location[1]]
        scenario = self.scenarios.setdefault(told["scenario"], Scenario(**told, place=where))
        if report.skipped:
            scenario.not_run.append(str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr))
            self._skipped.add(report.nodeid)
        elif report.failed and report.nodeid not in scenario.failed:
            scenario.failed.append(report.nodeid)
        if report.when == "teardown" and report.nodeid not in self._skipped:
            scenario.runs += 1
            scenario.figures += [value for name, value in properties if name == "figures"]  # type: ignore[misc]


def write_json(runs: Runs, path: str, seconds: float) -> None:
    """Keep everything, with when, how long and of what."""
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "versions": versions(),
        "scenarios": [asdict(scenario) for scenario in runs.scenarios.values()],
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(content, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Of everything that took part."""
    servers = {
        "mongod": (find("mongod", SERVERS / "mongodb"), "--version"),
        "nats-server": (find("nats-server", SERVERS / "nats"), "--version"),
        "MariaDB": (find("mariadbd"), "--version"),
    }
    found = {name: _number(program, flag) for name, (program, flag) in servers.items() if program}
    kafka = next((SERVERS / "kafka").glob("kafka_2*.jar"), None)
    return {
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        **found,
        **({"Kafka": kafka.stem.rpartition("-")[2]} if kafka else {}),
    }


def _number(program: str | Path, flag: str) -> str:
    said = subprocess.run([program, flag], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.[\d.]+", said)
    return found[0] if found else "unknown"


def rendered(report: Mapping[str, Any]) -> str:
    """The table, and what it was made with."""
    scenarios = [Scenario(**each) for each in report["scenarios"]]
    scenarios.sort(key=lambda each: [*each.place, each.scenario])
    made_with = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    total, failed = sum(each.runs for each in scenarios), sum(len(each.failed) for each in scenarios)
    rows = [_row(scenario) for scenario in scenarios]
    return "\n".join(
        [
            BEGIN,
            "",
            f"Run on {report['date'][:10]} in {report['seconds'] // 60} minutes: {total:,} runs of {len(scenarios)} "
            f"scenarios, {failed or 'none'} failed. {made_with}.",
            "",
            _line(rows[0]),
            _line(["---"] * len(rows[0])),
            *(_line(row.values()) for row in rows),
            "",
            END,
        ]
    )


def _row(scenario: Scenario) -> Mapping[str, str]:
    def cell(name: str, shown: Callable[[Sequence[Any]], str]) -> str:
        values = [each[name] for each in scenario.figures if each[name] is not None]
        if values:
            return shown(values)
        return scenario.instead.get(name, EMPTY) if scenario.runs else "not run"

    return {
        "scenario": scenario.scenario,
        "injection": scenario.injection,
        "promises": scenario.holds,
        "runs": _runs(scenario),
        "seeds": spans([each["seed"] for each in scenario.figures if each["seed"] is not None]) or SAME,
        "sent": cell("sent", _sum),
        "lost": cell("lost", _sum),
        "duplicate effects": cell("duplicate_effects", _sum),
        "recovery p50 / p99": cell("recovery_seconds", _percentiles),
        "redelivered": cell("redelivered", _sum),
        "peak RSS": cell("peak_rss_mib", lambda values: f"{max(values)} MiB"),
    }


def _runs(scenario: Scenario) -> str:
    words = [str(scenario.runs)]
    if scenario.failed:
        words.append(f"**{len(scenario.failed)} failed**")
    if scenario.not_run:
        words.append(f"{len(scenario.not_run)} not run: {scenario.not_run[0]}")
    return ", ".join(words)


def _sum(values: Sequence[int]) -> str:
    return f"{sum(values):,}"


def _percentiles(values: Sequence[float]) -> str:
    return f"{percentile(values, 50):.1f} / {percentile(values, 99):.1f} s"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def merged(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several reports as one: the runs of each scenario together, the rest as the last one says it."""
    scenarios: dict[str, Scenario] = {}
    for each in (Scenario(**each) for report in reports for each in report["scenarios"]):
        scenario = scenarios.setdefault(each.scenario, each)
        if scenario is not each:
            scenario.runs += each.runs
            scenario.failed += each.failed
            scenario.not_run += each.not_run
            scenario.figures += each.figures
    return {
        **reports[-1],
        "seconds": sum(report["seconds"] for report in reports),
        "scenarios": [asdict(scenario) for scenario in scenarios.values()],
    }


def main(*paths: str) -> None:
    """Put the table where people look for it, and keep what it was made of."""
    report = merged([json.loads(Path(path).read_text()) for path in paths])
    KEPT.write_text(json.dumps(report, indent=1) + "\n")
    table, page = rendered(report), PAGE.read_text()
    PAGE.write_text(page[: page.index(BEGIN)] + table + page[page.index(END) + len(END) :])
    if EMPTY in table or any(scenario["failed"] for scenario in report["scenarios"]):
        sys.exit(f"a run failed, or a cell is empty: {PAGE}")


if __name__ == "__main__":
    main(*sys.argv[1:])
