"""What people and programs read: tables on a terminal, JSON on request; data on stdout, all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

_PIPE_WIDTH = 1000
"""Where no terminal sets a width, no line is cut."""

OUT = Console(soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
ERR = Console(stderr=True, soft_wrap=True)


def plain(value: Any) -> Any:
    """A value as JSON can say it without loss: decimals and times as text."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case bytes():
            return value.decode(errors="backslashreplace")
        case Path():
            return str(value)
        case Mapping():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case _:
            return value


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    OUT.file.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def print_json_line(value: Any) -> None:
    """One JSON document on one line of stdout, for streams of them."""
    OUT.file.write(json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table that a person can read: numbers stand to the right and are never cut."""
    numbers = [list(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in numbers]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        numeric = bool(numbers) and all(isinstance(row[place], int) for row in numbers)
        width = max(len(name), *(len(row[place]) for row in cells)) if numeric else None
        table.add_column(name, justify="right" if numeric else "left", min_width=width, overflow="fold")
    for row in cells:
        table.add_row(*row)
    OUT.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(plain(value))


def progress() -> Progress:
    """A progress bar on stderr; silent where nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=ERR,
        disable=not ERR.is_terminal,
        transient=True,
    )
