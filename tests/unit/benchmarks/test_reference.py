"""The page and the chart show the recorded figures."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks import chart, recorded
from benchmarks.chart import BARS, PANELS
from benchmarks.limits import LIMITS
from benchmarks.reference import PAGE, SECTION, SECTIONS, page
from benchmarks.targets import PEER_TARGETS, TARGETS

PEERS = recorded.read()["peers"]


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(PAGE.read_text()), "run make format"


def test_the_chart_is_current() -> None:
    assert chart.FILE.read_text() == chart.chart(PEERS), "run make format"


def test_every_section_has_its_place() -> None:
    assert {found[1] for found in SECTION.findall(PAGE.read_text())} == SECTIONS.keys()


def test_every_row_with_a_target_says_what_limits_it() -> None:
    assert {target.row for target in (*TARGETS, *PEER_TARGETS)} == LIMITS.keys()


def test_the_longest_bar_of_a_panel_is_as_wide_as_the_panel() -> None:
    for n, panel in enumerate(PANELS):
        widths = _widths(chart.chart(PEERS))[n * len(BARS) : (n + 1) * len(BARS)]
        values = [PEERS["rows"][bar.row][panel.figure] for bar in BARS]

        assert widths[values.index(max(values))] == chart.PANEL


def test_a_peer_that_is_missing_says_so() -> None:
    without = {**PEERS, "rows": {name: row for name, row in PEERS["rows"].items() if name != "connect"}}

    assert chart.chart(without).count("not measured") == len(PANELS)


def _widths(drawn: str) -> list[float]:
    boxes = ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")
    return [float(box.attrib["width"]) for box in boxes if box.attrib["class"] in ("bar", "ours")]
