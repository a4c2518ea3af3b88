"""The headline: what each system stores a second, and what a message costs it; drawn from the recorded figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.recorded import Figures
from benchmarks.svg import picture, rect, text

FILE = Path(__file__).parents[1] / "docs" / "performance.svg"

WIDTH, LABELS, PANEL, GAP, BAR, PITCH, TOP, EDGE = 920, 190, 250, 90, 20, 34, 84, 16
STYLE = (
    ".ground{fill:#fff}.words{fill:#1f2328}.quiet{fill:#59636e}.bar{fill:#b8c0ca}.ours{fill:#0969da}"
    "@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.words{fill:#f0f6fc}.quiet{fill:#9198a1}"
    ".bar{fill:#545d68}.ours{fill:#4493f8}}"
)


class Bar(NamedTuple):
    """A row of the peers' report and its short name here."""

    row: str
    name: str


BARS = (
    Bar("naive", "naive consumer"),
    Bar("connect", "Kafka Connect"),
    Bar("benthos", "Benthos"),
    Bar("tapestore", "tapestore"),
    Bar("ceiling", "ceiling of MongoDB"),
)
OURS = "tapestore"


class Panel(NamedTuple):
    """One figure of all bars, with its words and how a value is written."""

    title: str
    figure: str
    written: Callable[[float], str]


PANELS = (
    Panel("documents a second", "docs_per_second", lambda value: f"{value:,.0f}"),
    Panel("CPU of its process, µs a message", "cpu_us_per_message", lambda value: f"{value:,.1f}"),
)


def chart(peers: Figures) -> str:
    """The picture as SVG, readable on light and on dark pages."""
    height = TOP + PITCH * len(BARS) + 30
    messages = int(peers["conditions"]["messages"])
    head = f"{messages:,} trades of 10 symbols, Kafka → MongoDB, a collection for each symbol"
    foot = (
        f"{peers['conditions']['cores']} cores shared by all servers. "
        "Kafka Connect and Benthos: not journaled, their default; all others: journaled by a majority."
    )
    elements = [
        rect(0, 0, WIDTH, height, css="ground", rx="6"),
        text(EDGE, 28, head, css="words", font_size="15", font_weight="600"),
        *_labels(),
        *(element for n, panel in enumerate(PANELS) for element in _panel(panel, LABELS + n * (PANEL + GAP), peers)),
        text(EDGE, height - 12, foot, css="quiet", font_size="11"),
    ]
    return picture(WIDTH, height, elements, STYLE)


def _labels() -> Iterator[str]:
    for n, bar in enumerate(BARS):
        weight = "600" if bar.row == OURS else "400"
        yield text(
            LABELS - 10, _middle(n), bar.name, css="words", font_size="13", font_weight=weight, text_anchor="end"
        )


def _panel(panel: Panel, x: float, peers: Figures) -> Iterator[str]:
    """Bars to one scale; what was not measured says so."""
    values = [_value(peers, bar, panel) for bar in BARS]
    most = max((value for value in values if value is not None), default=1.0)
    yield text(x, TOP - 20, panel.title, css="quiet", font_size="12")
    for n, (bar, value) in enumerate(zip(BARS, values, strict=True)):
        width = 0.0 if value is None else max(1.5, PANEL * value / most)
        yield rect(x, TOP + n * PITCH, width, BAR, css="ours" if bar.row == OURS else "bar", rx="2")
        told = "not measured" if value is None else panel.written(value)
        yield text(x + width + 6, _middle(n), told, css="words", font_size="12")


def _middle(n: int) -> float:
    """The base line of words beside a bar."""
    return TOP + n * PITCH + BAR / 2 + 4.5


def _value(peers: Figures, bar: Bar, panel: Panel) -> float | None:
    row: dict[str, Any] = peers["rows"].get(bar.row, {})
    value: float | None = row.get(panel.figure)
    return value
