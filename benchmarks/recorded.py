"""The figures that are kept with the code: `recorded.json`, one part for `make bench`, one for `make bench-peers`.

A part is a whole report, with the machine that it was measured on: ratios hold within one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

RECORDED = Path(__file__).parent / "results" / "recorded.json"
SLACK = 0.15
YARDSTICK = "yardstick"
"""The row that is none of ours: how fast one core was in that run."""

Part = Literal["bench", "peers"]
Figures = Mapping[str, Any]
"""A report as JSON."""


def read() -> dict[Part, dict[str, Any]]:
    """All parts that were recorded."""
    parts: dict[Part, dict[str, Any]] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    return parts


def record(part: Part, report: Figures) -> None:
    """Keep this report instead of the one before."""
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(json.dumps({**read(), part: report}, indent=2, ensure_ascii=False) + "\n")


def dearer(now: Figures, before: Figures, slack: float = SLACK) -> dict[str, tuple[float, float]]:
    """The rows whose CPU a message, in µs, rose by more than the slack: before and now."""
    both = [name for name in before["rows"] if name in now["rows"] and name != YARDSTICK]
    costs = {name: (_cpu(before["rows"][name]), _cpu(now["rows"][name])) for name in both}
    return {name: (was, now) for name, (was, now) in costs.items() if was and now and now > was * (1 + slack)}


def other_machine(now: Figures, before: Figures) -> list[str]:
    """In what the two machines differ, a line each; figures of different machines do not compare."""
    facts = ("processor", "cores", "python")
    mine, theirs = now["conditions"], before["conditions"]
    other = [f"{fact}: recorded on {theirs[fact]}, here {mine[fact]}" for fact in facts if mine[fact] != theirs[fact]]
    was, core = (_cpu(each["rows"].get(YARDSTICK, {})) for each in (before, now))
    if was and core and not was / (1 + SLACK) <= core <= was * (1 + SLACK):
        other.append(f"one core: recorded at {was:.2f} µs, here {core:.2f}")
    return other


def _cpu(row: Mapping[str, Any]) -> float:
    return row.get("cpu_us_per_message") or 0.0
