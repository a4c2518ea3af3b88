"""python -m benchmarks [--quick] [--rows NAMES] [--json]: measure, print one report, keep it in results/latest.json."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence

from benchmarks import machine
from benchmarks.bench import QUICK, USUAL, Bench
from benchmarks.report import RESULTS, Report, as_json, as_table
from benchmarks.rows import ROWS
from benchmarks.spans import Measurement, NotMeasured

LATEST = RESULTS / "latest.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every row was measured, 1 when one was not, 2 for a wrong argument."""
    asked = _parser().parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it retries what a new topic refuses, and says so
    with Bench(QUICK if asked.quick else USUAL) as bench:
        report = _run(bench, asked.rows, machine.described() | {"messages": str(bench.size.messages)})
    found = json.dumps(as_json(report), indent=2)
    RESULTS.mkdir(exist_ok=True)
    LATEST.write_text(found + "\n")
    print(found if asked.json else _told(report))
    return 1 if report.failed else 0


def _run(bench: Bench, names: Sequence[str], conditions: Mapping[str, str]) -> Report:
    measured: dict[str, Measurement] = {}
    failed: dict[str, str] = {}
    report = Report(conditions, measured, failed)
    for name in names:
        print(f"{ROWS[name].title} …", file=sys.stderr, flush=True)
        try:
            measured[name] = ROWS[name].measure(bench)
        except NotMeasured as error:
            failed[name] = str(error)
            print(f"NOT MEASURED: {error}", file=sys.stderr, flush=True)
    return report


def _told(report: Report) -> str:
    conditions = ", ".join(f"{name} {value}" for name, value in report.conditions.items())
    missing = [f"NOT MEASURED: {ROWS[name].title}: {reason}" for name, reason in report.failed.items()]
    return "\n".join(["", as_table(report), "", conditions, *missing])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in under 40 s: whether it works, no numbers to quote")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--rows", type=_names, default=list(ROWS), help=f"some of {', '.join(ROWS)}; commas between")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no row is called {', '.join(unknown)}; known are {', '.join(ROWS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
