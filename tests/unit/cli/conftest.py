"""The command line in this process, with settings of the test's own and a local store in `tmp_path`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config.keys import NAMES
from tests.unit.cli.command import Command


@pytest.fixture
def tapestore(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Command]:
    """`tapestore("query", "trades", "BTCUSDT")` runs that to its end."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCAL_PATH", str(tmp_path / "store"))
    handlers = list(logging.getLogger().handlers)
    yield Command(monkeypatch, capsys)
    logging.getLogger().handlers[:] = handlers
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the commands keep and look."""
    return tmp_path / "store"
