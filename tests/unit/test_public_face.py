"""What `storage` offers, and what it costs to import it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import storage

HEAVY = ("aiomysql", "asyncpg", "pyarrow", "pydantic", "pymongo", "sqlalchemy")


def test_every_name_is_there() -> None:
    assert [name for name in storage.__all__ if not hasattr(storage, name)] == []
    assert dir(storage) == sorted(storage.__all__)


def test_a_name_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = storage.nothing_of_the_kind  # type: ignore[attr-defined]  # that is the test


def test_importing_it_loads_no_driver() -> None:
    code = f"import storage, sys; sys.exit(' '.join(name for name in {HEAVY} if name in sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert (done.stderr.strip(), done.stdout) == ("", "")
