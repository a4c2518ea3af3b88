"""Tables that a person can read, whatever the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from consumer.cli.output import OUT, plain, printable, say

GAP = 2
LOOSE_WIDTH = 20
SHORTER = {
    "received": "recvd",
    "duplicate": "dup",
    "conflict": "confl",
    "dead lettered": "dead",
    "ignored": "ign",
    "returned": "retd",
}
"""Titles of a narrow terminal: a word that is cut at any letter is none."""


@dataclass
class _Column:
    """One column: a number is never cut, its title may be; a loose column may take several lines."""

    name: str
    cells: Sequence[str]
    numeric: bool
    loose: bool
    width: int = 0

    def __post_init__(self) -> None:
        self.width = max(cell_len(self.name), self._widest)

    def shorten(self) -> None:
        """Take the shorter title, where there is one."""
        self.name = SHORTER.get(self.name, self.name)
        self.width = max(cell_len(self.name), self._widest)

    @property
    def _widest(self) -> int:
        return max(map(cell_len, self.cells), default=0)

    @property
    def slack(self) -> int:
        """By how much it may become narrower."""
        if self.numeric:
            return self.width - self._widest
        return max(0, self.width - LOOSE_WIDTH) if self.loose else 0


def print_table(names: Sequence[str], rows: Sequence[Sequence[Any]], *, total: bool = False, loose: str = "") -> None:
    """Rows under these names: numbers stand to the right; with `total` the last row sums up.

    The column called `loose` may take several lines. Where the terminal is still too narrow, each row becomes
    a paragraph.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    columns = [
        _Column(name, [row[place] for row in cells], all(isinstance(row[place], int) for row in rows), name == loose)
        for place, name in enumerate(names)
    ]
    if not OUT.is_terminal or _fit(columns, OUT.width):
        OUT.print(_table(columns, total=total))
    else:
        _print_paragraphs(names, cells)


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else printable(str(plain(value)))


def _fit(columns: Sequence[_Column], room: int) -> bool:
    """Make columns narrower until they fit; False when they cannot."""
    if _excess(columns, room) > 0:
        for column in columns:
            column.shorten()
    excess = _excess(columns, room)
    while excess > 0 and (widest := max(columns, key=lambda column: column.slack)).slack:
        widest.width -= 1
        excess -= 1
    return excess <= 0


def _excess(columns: Sequence[_Column], room: int) -> int:
    return sum(column.width + GAP for column in columns) - GAP - room


def _table(columns: Sequence[_Column], *, total: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.name, justify="right" if column.numeric else "left", width=column.width, overflow="fold"
        )
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for left, row in enumerate(rows, 1 - len(rows)):
        table.add_row(
            *map(_shaded, row), style="bold" if total and not left else None, end_section=total and left == -1
        )
    return table


def _shaded(cell: str) -> Text:
    """A zero steps back, so that the eye finds the others."""
    return Text(cell, "dim" if cell == "0" else "")


def _print_paragraphs(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = max(map(len, names))
    for row in rows:
        say("\n".join(f"{name:>{width}}  {cell}" for name, cell in zip(names, row, strict=True) if cell) + "\n")
