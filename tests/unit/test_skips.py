"""What tests/conftest.py promises of skipped tests: seen here, refused in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SKIPPING = {
    "test_one_by_one.py": """
import pytest
def test_runs(): pass
def test_needs_a_server(): pytest.skip("mongodb is not installed")
@pytest.mark.skip(reason="later")
def test_is_put_off(): pass
""",
    "test_as_a_whole.py": "import pytest; pytest.skip('no such platform', allow_module_level=True)",
}


def test_a_skip_is_listed_with_its_reason_and_is_no_failure(tmp_path: Path) -> None:
    code, output = _pytest(tmp_path, ci="")

    assert code == 0
    listed = output.partition("NOT RUN")[2]
    assert all(f"1 for: {reason}" in listed for reason in ("mongodb is not installed", "later", "no such platform"))


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    code, output = _pytest(tmp_path, ci="true")

    assert code == 1
    assert output.count("CI=true allows no skip") == 3
    assert "1 failed, 1 passed, 2 errors" in output.splitlines()[-1]


def _pytest(folder: Path, ci: str) -> tuple[int, str]:
    for name, text in SKIPPING.items():
        (folder / name).write_text(text)
    alone = ("-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", folder, "--confcutdir", folder)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *alone, "--continue-on-collection-errors", "-r", "", folder],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout
