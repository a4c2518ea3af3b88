"""MongoDB keeps the contract in both layouts, and by both drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.adapters.base import BaseAdapter
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.collections import Layout
from storage.adapters.mongodb.connection import Driver
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.integration.mongodb import client_of, forget

pytestmark = pytest.mark.server("mongodb")


class MongoDBContract(AdapterContract):
    @pytest.fixture
    async def adapter(
        self, mongodb_uri: str, unique_name: str, layout: Layout, driver: Driver
    ) -> AsyncIterator[BaseAdapter]:
        async with MongoDBAdapter(
            mongodb_uri, unique_name, layout=layout, driver=driver, max_collections=MAX_COLLECTIONS
        ) as adapter:
            yield adapter
        async with client_of(mongodb_uri) as client:
            await forget(client, unique_name)

    @pytest.fixture
    def layout(self) -> Layout:
        return "indexed"

    @pytest.fixture
    def driver(self) -> Driver:
        return "pymongo"


class TestIndexedLayout(MongoDBContract):
    """The layout that collections have when nothing else is set."""


class TestClusteredLayout(MongoDBContract):
    @pytest.fixture
    def layout(self) -> Layout:
        return "clustered"


class TestMotor(MongoDBContract):
    @pytest.fixture
    def driver(self) -> Driver:
        return "motor"
