"""SQLite keeps the contract of every adapter."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.adapters.base import BaseAdapter
from storage.adapters.sql import SQLiteAdapter
from tests.contracts.adapter import MAX_COLLECTIONS
from tests.contracts.sql import SQLContract


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with its tables: a copy is made faster than they are."""
    file = tmp_path_factory.mktemp("sqlite") / "market.sqlite"
    asyncio.run(_make(file))
    return file


async def _make(file: Path) -> None:
    async with SQLiteAdapter(f"sqlite:///{file}"):
        pass


class TestSQLiteAdapter(SQLContract):
    @pytest.fixture
    async def adapter(self, empty: Path, tmp_path: Path) -> AsyncIterator[BaseAdapter]:
        file = shutil.copy(empty, tmp_path)
        async with SQLiteAdapter(f"sqlite:///{file}", max_collections=MAX_COLLECTIONS) as adapter:
            yield adapter


async def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    async with SQLiteAdapter(f"sqlite:///{tmp_path}/a/b/market.sqlite") as adapter:
        assert await adapter.list_collections() == []
