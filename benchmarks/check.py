"""python -m benchmarks.check [--rows NAMES]: whether a message costs more CPU than was recorded, by more than 15 %.

A row that does is measured once more, and its better figure counts: others use this machine too. It is told when one
core is not as fast as it was then: such figures do not compare. Exit 1 when one is dearer, or could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks import recorded
from benchmarks.__main__ import names
from benchmarks.bench import USUAL, Bench
from benchmarks.measure import measure
from benchmarks.report import as_json
from benchmarks.rows import ROWS


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing became dearer, 1 when something did or was not measured, 2 when nothing was recorded."""
    before = recorded.read().get("bench")
    if before is None:
        print("nothing was recorded: python -m benchmarks --record", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser("python -m benchmarks.check", description=__doc__)
    costed = _costed(before)
    parser.add_argument("--rows", type=names, default=costed, help="as of python -m benchmarks; commas between")
    rows = parser.parse_args(arguments).rows
    with Bench(USUAL) as bench:
        now = as_json(measure(bench, {name: ROWS[name] for name in [recorded.YARDSTICK, *rows]}))
        again = as_json(measure(bench, {name: ROWS[name] for name in recorded.dearer(now, before)}))
    return told(better(now, again), before)


def better(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A report with the cheaper of two measurements of each row."""
    rows = dict(one["rows"])
    for name, row in other["rows"].items():
        rows[name] = min(rows[name], row, key=lambda each: float(each["cpu_us_per_message"]))
    return one | {"rows": rows}


def told(now: dict[str, Any], before: dict[str, Any]) -> int:
    """Print row by row what a message costs and has cost."""
    dearer = recorded.dearer(now, before)
    for difference in recorded.other_machine(now, before):
        print(f"another machine: {difference}")
    for name, row in now["rows"].items():
        was, cost = before["rows"][name]["cpu_us_per_message"], row["cpu_us_per_message"]
        print(f"{ROWS[name].title}: {cost:.2f} µs, recorded {was:.2f} µs{', TOO DEAR' if name in dearer else ''}")
    for name, reason in now["not_measured"].items():
        print(f"NOT MEASURED: {ROWS[name].title}: {reason}")
    return 1 if dearer or now["not_measured"] else 0


def _costed(before: dict[str, Any]) -> list[str]:
    """The rows of the product that have a cost."""
    reference = (recorded.YARDSTICK, "naive", "ceiling", "standing-pull")
    return [name for name in ROWS if name not in reference and before["rows"].get(name, {}).get("cpu_us_per_message")]


if __name__ == "__main__":
    sys.exit(main())
