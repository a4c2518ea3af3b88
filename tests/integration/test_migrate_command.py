"""`tapestore migrate` with STORE=mongodb: both sides in one command, and the keys that were there before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

pytestmark = pytest.mark.server("mongodb")

Environment = dict[str, str]


@pytest.fixture
def environment(mongodb_uri: str, unique_name: str, tmp_path: Path) -> Iterator[Environment]:
    own = {"STORE": "mongodb", "MONGODB_URI": mongodb_uri, "MONGODB_DB": unique_name, "LOCAL_PATH": str(tmp_path)}
    yield {**os.environ, "HTTP_PORT": "0", **own}
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri)
    with client:
        client.drop_database(unique_name)


def tapestore(environment: Environment, *words: str, expect: int = 0) -> str:
    command = [sys.executable, "-m", "consumer", *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == expect, ended.stderr
    return ended.stdout


def test_both_sides_go_up_and_back(environment: Environment) -> None:
    before = json.loads(tapestore(environment, "migrate", "status", "--json", expect=1))
    up = json.loads(tapestore(environment, "migrate", "up", "--json"))
    down = json.loads(tapestore(environment, "migrate", "down", "--to", "mongodb/0001", "--json"))
    told = tapestore(environment, "migrate", "status", expect=1)

    assert (before["current"], before["mongodb"]["current"]) == (None, None)
    assert (up["pending"], up["mongodb"]["pending"]) == ([], [])
    assert (down["pending"], down["mongodb"]["pending"]) == ([], ["0002"])
    assert "mongodb: 0001 of 0002, pending: 0002" in told
    tapestore(environment, "migrate", "up", "--to", "mongodb/9", expect=2)


def test_a_run_migrates_both_sides(environment: Environment, tmp_path: Path) -> None:
    tape = str(tmp_path / "tape.jsonl")
    tapestore(environment, "simulate", "--to", tape, "--count", "50")

    tapestore(environment, "replay", tape)

    tapestore(environment, "migrate", "status")
