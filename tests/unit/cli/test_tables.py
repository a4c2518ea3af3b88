"""Tables on a terminal of a given width: whole words, aligned, no line longer than it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer.cli.output import OUT
from consumer.cli.tables import print_table

NAMES = ["dataset", "received", "stored", "duplicate", "stale", "conflict", "dead lettered", "ignored"]
ROWS = [["candles_BTCUSDT_PERPETUAL_1m", 20_663, 17_559, 352, 2_621, 20, 88, 23], ["all", 20_663, 1, 1, 1, 1, 1, 1]]
Printed = Callable[[int], list[str]]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """The lines of the table on a terminal of that many columns."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(OUT, "_force_terminal", True)
    monkeypatch.setattr(OUT, "_height", 25)  # with a width alone a dumb terminal has 80 columns

    def lines(columns: int) -> list[str]:
        monkeypatch.setattr(OUT, "_width", columns)
        print_table(NAMES, ROWS, total=True)
        return capsys.readouterr().out.splitlines()

    return lines


def test_a_wide_terminal_shows_the_whole_titles(printed: Printed) -> None:
    assert printed(98)[0].split() == " ".join(NAMES).split()


def test_a_narrow_terminal_shows_short_titles_and_cuts_none(printed: Printed) -> None:
    lines = printed(80)
    assert lines[0].split() == ["dataset", "recvd", "stored", "dup", "stale", "confl", "dead", "ign"]
    assert max(map(len, lines)) <= 80
    assert len(lines) == 5
