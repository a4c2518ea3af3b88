"""The report of a fault run: gathered as JSON, shown as a table: `python -m tests.faults.report REPORT.json…`.

The second writes the table into docs/reliability.md, between its two marks; several reports become one.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.servers.cache import SERVERS, find

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
KEPT = PAGE.with_suffix(".json")
BEGIN, END = "<!-- written by make faults -->", "<!-- end of what make faults wrote -->"
COLUMNS = ("scenario", "injection", "promises", "runs", "lost", "duplicate effects")
FIGURES = ("recovery p50 / p99", "redelivered", "peak RSS")
PACKAGES = ("tapestore", "pymongo", "nats-py", "aiokafka")


@dataclass
class Scenario:
    """All runs of one scenario."""

    scenario: str
    injection: str
    holds: str
    runs: int = 0
    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)


class Runs:
    """What came of each scenario."""

    def __init__(self) -> None:
        self.scenarios: dict[str, Scenario] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Note a test that ended; one that says no scenario is none of ours."""
        properties = list(report.user_properties)
        told: Any = next((value for name, value in properties if name == "fault"), None)
        if told is None:
            return
        scenario = self.scenarios.setdefault(told["scenario"], Scenario(**told))
        if report.skipped:
            scenario.not_run.append(str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr))
        elif report.failed:
            scenario.failed.append(report.nodeid)
        elif report.nodeid not in scenario.failed:  # the teardown comes after what failed, too
            scenario.runs += 1
            scenario.figures += [value for name, value in properties if name == "figures"]  # type: ignore[misc]


def write_json(runs: Runs, path: str) -> None:
    """Keep everything, with when and of what."""
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": int(os.environ.get("FAULT_SEEDS", "1")),
        "first_seed": int(os.environ.get("FAULT_SEED", "1")),
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
    }
    found = {name: _first_line(program, flag) for name, (program, flag) in servers.items() if program}
    kafka = next((SERVERS / "kafka").glob("kafka_2*.jar"), None)
    return {
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        **found,
        **({"Kafka": kafka.stem.rpartition("-")[2]} if kafka else {}),
    }


def _first_line(program: str | Path, flag: str) -> str:
    said = subprocess.run([program, flag], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0].split()[-1].lstrip("v") if said else "unknown"


def rendered(report: Mapping[str, Any]) -> str:
    """The table, and what it was made with."""
    scenarios = [Scenario(**scenario) for scenario in report["scenarios"]]
    made_with = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    first = report["first_seed"]
    total = sum(scenario.runs for scenario in scenarios)
    return "\n".join(
        [
            BEGIN,
            "",
            f"Run on {report['date'][:10]}: {total:,} runs of {len(scenarios)} scenarios; seeds {first} to "
            f"{first + report['seeds'] - 1} for each stage. {made_with}.",
            "",
            _line(COLUMNS + FIGURES),
            _line(["---"] * len(COLUMNS + FIGURES)),
            *(_line(_row(scenario)) for scenario in scenarios),
            "",
            END,
        ]
    )


def _row(scenario: Scenario) -> Sequence[str]:
    told = (scenario.scenario, scenario.injection, scenario.holds, _runs(scenario))
    judged = [figures for figures in scenario.figures if figures["sent"]]
    if not judged:
        return (*told, *["none: asserted" if scenario.runs else "not run"] * 2, *["not measured"] * 3)
    seconds = [each["recovery_seconds"] for each in judged if each["recovery_seconds"] is not None]
    return (
        *told,
        *(f"{sum(each[name] for each in judged):,}" for name in ("lost", "duplicate_effects")),
        f"{percentile(seconds, 50):.1f} / {percentile(seconds, 99):.1f} s" if seconds else "not measured",
        f"{sum(each['redelivered'] for each in judged):,}",
        _most(judged, "peak_rss_mib", lambda mib: f"{mib} MiB"),
    )


def _runs(scenario: Scenario) -> str:
    words = [str(scenario.runs)]
    if scenario.failed:
        words.append(f"**{len(scenario.failed)} failed**")
    if scenario.not_run:
        words.append(f"{len(scenario.not_run)} not run: {scenario.not_run[0]}")
    return ", ".join(words)


def _most(judged: Iterable[Mapping[str, Any]], name: str, shown: Callable[[int], str]) -> str:
    most = max(each[name] for each in judged)
    return shown(most) if most else "not measured"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def merged(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several reports as one: the runs of each scenario together, the rest as the last one says it."""
    scenarios: dict[str, Scenario] = {}
    for each in (each for report in reports for each in report["scenarios"]):
        scenario = scenarios.setdefault(each["scenario"], Scenario(each["scenario"], each["injection"], each["holds"]))
        scenario.runs += each["runs"]
        scenario.failed += each["failed"]
        scenario.not_run += each["not_run"]
        scenario.figures += each["figures"]
    return {**reports[-1], "scenarios": [asdict(scenario) for scenario in scenarios.values()]}


def main(*paths: str) -> None:
    """Put the table where people look for it, and keep what it was made of."""
    report = merged([json.loads(Path(path).read_text()) for path in paths])
    KEPT.write_text(json.dumps(report, indent=1) + "\n")
    page = PAGE.read_text()
    PAGE.write_text(page[: page.index(BEGIN)] + rendered(report) + page[page.index(END) + len(END) :])


if __name__ == "__main__":
    main(*sys.argv[1:])
