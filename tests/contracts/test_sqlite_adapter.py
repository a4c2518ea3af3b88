"""SQLite keeps the contract of every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.adapters.base import BaseAdapter
from storage.adapters.sql import SQLiteAdapter
from tests.contracts.adapter import MAX_COLLECTIONS
from tests.contracts.sql import SQLContract


class TestSQLiteAdapter(SQLContract):
    @pytest.fixture
    async def adapter(self, tmp_path: Path) -> AsyncIterator[BaseAdapter]:
        async with SQLiteAdapter(
            f"sqlite:///{tmp_path}/data/market.sqlite", max_collections=MAX_COLLECTIONS
        ) as adapter:
            yield adapter
