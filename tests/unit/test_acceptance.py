"""What docs/acceptance.md points at is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "acceptance.md").read_text()
ROWS = dict(re.findall(r"^\| (\d{3}-\d+) \| .* \| (.*) \|$", PAGE, re.MULTILINE))


def test_every_file_that_shows_a_row_exists() -> None:
    named = set(re.findall(r"`((?:tests|storage|docs)/[\w/.]+)", PAGE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_each_row_is_shown_or_later() -> None:
    assert len(ROWS) == 103
    assert [row for row, shown in ROWS.items() if not (shown.startswith("✓ ") or shown == "later")] == []


def test_a_row_that_the_seeds_test_names_is_ticked() -> None:
    seeds = (ROOT / "tests" / "integration" / "test_seed_names.py").read_text()
    named = {f"{seed}-{row}" for seed, row in re.findall(r"_(00\d)_(\d+)(?=_)", seeds)}
    assert {row for row in named if ROWS.get(row) == "later"} == set()
