"""What is the same on all SQL databases, beside the contract of every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from storage import Reason
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.adapters.sql.schema import market
from storage.outcomes import STORED
from storage.sql import SqlDatabase
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.contracts.records import SNAPSHOT
from tests.contracts.writing import put


@asynccontextmanager
async def emptied(type: str, url: str) -> AsyncIterator[BaseAdapter]:
    """An adapter, connected, and in the end empty tables: servers take their time to make new ones."""
    async with get_adapter(type, url, max_collections=MAX_COLLECTIONS) as adapter:
        yield adapter
    async with SqlDatabase(url) as database, database.write() as connection:
        for table in market.sorted_tables:
            await connection.execute(sa.delete(table))


class SQLContract(AdapterContract):
    """One table holds all collections of a kind, by the symbol and timeframe of its rows."""

    async def test_a_word_that_a_record_does_not_promise_is_rejected_alone(self, adapter: BaseAdapter) -> None:
        odd: Any = {"kind": "other", "last_update_id": 7}

        good, bad = await put(adapter, SNAPSHOT, replace(SNAPSHOT, **odd))

        assert good == STORED
        assert bad.reason is Reason.SCHEMA and "diff, snapshot" in bad.error
