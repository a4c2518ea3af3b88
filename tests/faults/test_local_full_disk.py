"""A full disk pauses the local store: nothing is acknowledged that is not there, and space heals it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHILD = [sys.executable, "-m", "tests.faults.full_disk_child"]
MOUNT = 'mount -t tmpfs -o size=2m none "$0" && exec "$@"'


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_loses_nothing_and_heals(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own_mounts, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk in a namespace of its own")

    assert run(*own_mounts, "sh", "-c", MOUNT, str(tmp_path), *CHILD, str(tmp_path), "disk") == "done\n"


def test_a_limit_on_the_size_of_files_loses_nothing_and_heals(tmp_path: Path) -> None:
    assert run(*CHILD, str(tmp_path), "size") == "done\n"
