"""A run: row after row, and what is told of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.report import Report, as_json, as_table, as_targets
from benchmarks.rows import Row
from benchmarks.spans import Measurement, NotMeasured, of_rounds
from benchmarks.targets import ANY, Target


def measure(bench: Bench, rows: Mapping[str, Row]) -> Report:
    """Measure these rows, round after round; what cannot be measured is told at once and in the report.

    What is compared is so measured within the same minutes, more than once: the machine may be another one in the next.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it retries what a new topic refuses, and says so
    found: dict[str, list[Measurement]] = {name: [] for name in rows}
    failed: dict[str, str] = {}
    for turn in range(bench.size.rounds):
        for name in [name for name, row in rows.items() if not (turn and row.once) and name not in failed]:
            print(f"{rows[name].title} …", file=sys.stderr, flush=True)
            try:
                bench.check_time()
                found[name].append(rows[name].measure(bench))
            except NotMeasured as error:
                failed[name] = str(error)
                print(f"NOT MEASURED: {error}", file=sys.stderr, flush=True)
    measured = {name: of_rounds(rounds) for name, rounds in found.items() if name not in failed}
    titles = {name: row.title for name, row in rows.items()}
    return Report(machine.described() | {"messages": str(bench.size.messages)}, measured, failed, titles)


def told(report: Report, targets: Sequence[Target]) -> str:
    """All of it, for people, with the targets of what was asked for."""
    asked = [target for target in targets if target.row in {*report.titles, ANY}]
    conditions = ", ".join(f"{name} {value}" for name, value in report.conditions.items())
    missing = [f"NOT MEASURED: {report.titles[name]}: {reason}" for name, reason in report.failed.items()]
    return "\n".join(["", as_table(report), "", as_targets(as_json(report), asked), "", conditions, *missing])
