"""MongoDB keeps the contract in both layouts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.adapters.base import BaseAdapter
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.collections import Layout
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.integration.mongodb import client_of, forget

pytestmark = pytest.mark.server("mongodb")


class MongoDBContract(AdapterContract):
    @pytest.fixture
    async def adapter(self, mongodb_uri: str, unique_name: str, layout: Layout) -> AsyncIterator[BaseAdapter]:
        async with MongoDBAdapter(mongodb_uri, unique_name, layout=layout, max_collections=MAX_COLLECTIONS) as adapter:
            yield adapter
        async with client_of(mongodb_uri) as client:
            await forget(client, unique_name)


class TestIndexedLayout(MongoDBContract):
    @pytest.fixture
    def layout(self) -> Layout:
        return "indexed"


class TestClusteredLayout(MongoDBContract):
    @pytest.fixture
    def layout(self) -> Layout:
        return "clustered"
