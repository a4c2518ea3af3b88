"""Arrow gives its memory back to the system, unless somebody decided otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def pool_of(environment: dict[str, str]) -> str:
    told = "from config.memory import give_memory_back; give_memory_back()"
    program = f"{told}; import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_arrow_takes_the_system_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)

    assert pool_of({}) == "system"


def test_what_somebody_decided_stays() -> None:
    assert pool_of({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}) == "mimalloc"
