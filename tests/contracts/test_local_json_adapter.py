"""The local store keeps the contract of every adapter with files of JSON lines too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.adapters.base import BaseAdapter
from storage.adapters.local import LocalAdapter
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract


class TestLocalJsonAdapter(AdapterContract):
    @pytest.fixture
    async def adapter(self, tmp_path: Path) -> AsyncIterator[BaseAdapter]:
        async with LocalAdapter(tmp_path / "store", max_collections=MAX_COLLECTIONS, format="json") as adapter:
            yield adapter
