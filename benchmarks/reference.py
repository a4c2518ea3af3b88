"""python -m benchmarks.reference: writes the tables of docs/performance.md and its chart from the recorded figures."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks import chart, recorded
from benchmarks.limits import LIMITS
from benchmarks.recorded import Figures
from benchmarks.report import HEAD as ROW_HEAD
from benchmarks.report import aligned, line
from benchmarks.targets import HEAD as TARGET_HEAD
from benchmarks.targets import PEER_TARGETS, TARGETS, Target, lines

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SECTION = re.compile(r"(<!-- (\w+): written by python -m benchmarks.reference -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with its generated sections as they must be."""
    return SECTION.sub(lambda found: f"{found[1]}\n{SECTIONS[found[2]]()}\n\n{found[3]}", text)


def _targets() -> str:
    parts = recorded.read()
    told = [*_with_limits(TARGETS, parts["bench"]), *_with_limits(PEER_TARGETS, parts["peers"])]
    return aligned([(*TARGET_HEAD[:-1], "verdict", "what limits it now"), *told], words=(0, 1, 2, 4, 5))


def _with_limits(targets: Sequence[Target], figures: Figures) -> Iterator[tuple[str, ...]]:
    """A line for each target; what limits a row is said once, at its first."""
    said: set[str] = set()
    for target, told in zip(targets, lines(targets, figures["rows"], figures["titles"]), strict=True):
        yield (*told, "" if target.row in said else LIMITS.get(target.row, ""))
        said.add(target.row)


def _part(part: recorded.Part) -> str:
    """All rows of a run, and on what machine they were measured."""
    figures = recorded.read()[part]
    rows = [(figures["titles"][name], *line(row)) for name, row in figures["rows"].items()]
    missing = [
        f"Not measured: {figures['titles'][name]}: {reason}." for name, reason in figures["not_measured"].items()
    ]
    conditions = ", ".join(f"{name} {value}" for name, value in figures["conditions"].items())
    return "\n\n".join([aligned([ROW_HEAD, *rows]), f"Measured with: {conditions}.", *missing])


SECTIONS: Mapping[str, Callable[[], str]] = {
    "targets": _targets,
    "bench": partial(_part, "bench"),
    "peers": partial(_part, "peers"),
}


def main() -> int:
    """Write both."""
    PAGE.write_text(page(PAGE.read_text()))
    chart.FILE.write_text(chart.chart(recorded.read()["peers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
