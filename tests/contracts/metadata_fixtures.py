"""What every contract of the metadata database stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.metadata import MetadataDatabase
from storage.migrations import upgrade


class OnMetadata:
    """Tests on a migrated database of their own."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass says where")

    @pytest.fixture
    async def database(self, url: str) -> AsyncIterator[MetadataDatabase]:
        await upgrade(url)
        async with MetadataDatabase(url) as database:
            yield database
