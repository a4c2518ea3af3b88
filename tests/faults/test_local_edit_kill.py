"""SIGKILL within an update or a delete: it happened to every document or to none."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.adapters.local import LocalAdapter
from tests.faults.local_edit_child import APART, EDITS, SOME


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize(
    ("point", "nth", "done"),
    [
        ("before the file", 1, False),
        ("before the rename", 2, False),
        ("after the rename", 2, False),
        ("before old files go", 1, True),
        ("before old files go", 3, True),
    ],
)
async def test_a_change_that_is_killed_is_whole_or_not_there(
    tmp_path: Path, what: str, point: str, nth: int, done: bool
) -> None:
    command = [sys.executable, "-m", "tests.faults.local_edit_child", str(tmp_path), what, point, str(nth)]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(child.communicate(), 60)
    assert (child.returncode, out) == (-signal.SIGKILL, b"stored\n")

    async with LocalAdapter(tmp_path, sizes=APART) as store:
        found = await store.find("trades_BTCUSDT", SOME)
        total = await store.get_record_count("trades_BTCUSDT")

    changed = sum(document["price"] == 7 for document in found)
    expected = {"update": (40, 40, 80), "delete": (0, 0, 40)}
    assert (len(found), changed, total) == (expected[what] if done else (40, 0, 80))
