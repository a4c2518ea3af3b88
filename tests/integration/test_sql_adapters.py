"""MariaDB and PostgreSQL keep the contract of every adapter."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from storage.adapters.base import BaseAdapter
from tests.conftest import database_on
from tests.contracts.sql import SQLContract, emptied


@pytest.fixture(scope="module")
def mariadb_of_all(mariadb_url: str) -> Iterator[str]:
    yield from database_on(mariadb_url, f"t{secrets.token_hex(6)}")


@pytest.fixture(scope="module")
def postgresql_of_all(postgresql_url: str) -> Iterator[str]:
    yield from database_on(postgresql_url, f"t{secrets.token_hex(6)}")


class TestMariaDBAdapter(SQLContract):
    @pytest.fixture
    async def adapter(self, mariadb_of_all: str) -> AsyncIterator[BaseAdapter]:
        async with emptied("mariadb", mariadb_of_all) as adapter:
            yield adapter


class TestPostgreSQLAdapter(SQLContract):
    @pytest.fixture
    async def adapter(self, postgresql_of_all: str) -> AsyncIterator[BaseAdapter]:
        async with emptied("postgresql", postgresql_of_all) as adapter:
            yield adapter
