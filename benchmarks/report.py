"""The report: rows with their ratios, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import targets
from benchmarks.spans import Measurement, of_ceiling
from benchmarks.targets import Target

CEILING = "ceiling"
RESULTS = Path(__file__).parent / "results"
Cells = dict[str, Any]


class Report(NamedTuple):
    """What a run has found; a row that could not be measured has a reason instead."""

    conditions: Mapping[str, str]
    measured: Mapping[str, Measurement]
    failed: Mapping[str, str]
    titles: Mapping[str, str]


def as_json(report: Report) -> Cells:
    """Everything, in units that the names tell; absent is null."""
    rows = {name: cells(report, name) for name in report.measured}
    return {"conditions": report.conditions, "rows": rows, "not_measured": report.failed, "titles": report.titles}


def cells(report: Report, name: str) -> Cells:
    """One row."""
    measured, ceiling = report.measured[name], report.measured.get(CEILING, Measurement()).span
    span = measured.span
    return {
        "messages": span and span.messages,
        "seconds": span and round(span.seconds, 3),
        "docs_per_second": span and round(span.rate),
        "of_ceiling": _rounded(of_ceiling(span, ceiling), 3),
        "cpu_us_per_message": span and round(span.cpu_us, 2),
        "peak_rss_mb": _rounded(measured.peak_rss_mb, 1),
        "start_seconds": _rounded(measured.start_seconds, 2),
        **{name: round(value, 2) for name, value in measured.figures.items()},
    }


def as_table(report: Report) -> str:
    """The rows for people, in Markdown."""
    lines = [(report.titles[name], *line(cells(report, name))) for name in report.measured]
    return aligned([HEAD, *lines])


def as_targets(report: Cells, asked: Sequence[Target]) -> str:
    """What was to be reached, and whether it was, in Markdown."""
    return aligned([targets.HEAD, *targets.lines(asked, report["rows"], report["titles"])], words=(0, 1, 2))


HEAD = (
    *("trades of 10 symbols, unless said", "messages", "seconds", "docs/s"),
    *("of ceiling", "CPU µs", "RSS MB", "start s", "also"),
)


def line(row: Mapping[str, Any]) -> list[str]:
    """What every row has, then what only this one has, by name."""
    common = len(HEAD) - 2
    also = [f"{name.replace('_', ' ')} {value:,}" for name, value in list(row.items())[common:]]
    return [*map(_text, list(row.values())[:common]), ", ".join(also)]


def aligned(lines: Sequence[tuple[str, ...]], words: Collection[int] = (0,)) -> str:
    """Lines of cells as a Markdown table, the first its head; all but the columns of words stand to the right."""
    columns = [_column(cells, n in words) for n, cells in enumerate(zip(*lines, strict=True))]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _column(cells: Sequence[str], of_words: bool) -> list[str]:
    """Its cells, all of one width, with the rule below the head."""
    width = max(map(len, cells))
    head, *rest = [cell.ljust(width) if of_words else cell.rjust(width) for cell in cells]
    return [head, f":{'-' * (width - 1)}" if of_words else f"{'-' * (width - 1)}:", *rest]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
