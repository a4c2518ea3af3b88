"""python -m benchmarks [--quick] [--rows NAMES] [--json] [--record]: measure and print one report.

It is kept in results/latest.json, and with --record in results/recorded.json, which is part of the code.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks import recorded
from benchmarks.bench import QUICK, USUAL, Bench
from benchmarks.measure import measure, told
from benchmarks.report import RESULTS, as_json
from benchmarks.rows import ROWS
from benchmarks.targets import TARGETS

LATEST = RESULTS / "latest.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every row was measured, 1 when one was not, 2 for a wrong argument."""
    asked = _asked(arguments)
    with Bench(QUICK if asked.quick else USUAL) as bench:
        report = measure(bench, {name: ROWS[name] for name in asked.rows})
    found = as_json(report)
    RESULTS.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if asked.record:
        recorded.record("bench", found)
    print(json.dumps(found, indent=2, ensure_ascii=False) if asked.json else told(report, TARGETS))
    return 1 if report.failed else 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in two minutes: whether it works, no numbers to quote")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--rows", type=names, default=list(ROWS), help=f"some of {', '.join(ROWS)}; commas between")
    parser.add_argument("--record", action="store_true", help="keep the figures: all rows, on a quiet machine")
    asked = parser.parse_args(arguments)
    if asked.record and (asked.quick or asked.rows != list(ROWS)):
        parser.error("--record keeps a whole report: ratios hold within one run")
    return asked


def names(text: str) -> list[str]:
    """Rows by name; raises ArgumentTypeError for unknown ones."""
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no row is called {', '.join(unknown)}; known are {', '.join(ROWS)}")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
