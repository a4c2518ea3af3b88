"""Registers a collection and dies by SIGKILL between the store of documents and SQL.

python -m tests.faults.registration_child METADATA_URL MONGODB_URI DATABASE
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from storage.adapters import get_adapter
from storage.metadata import Dataset, MetadataDatabase
from storage.registration import Registration
from storage.repositories.catalog import CatalogRepository


class DoomedCatalog(CatalogRepository):
    """Kills the process instead of writing."""

    async def upsert_dataset(self, dataset: Dataset) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def main(metadata_url: str, mongodb_uri: str, database: str) -> None:
    async with (
        MetadataDatabase(metadata_url) as metadata,
        get_adapter("mongodb", mongodb_uri, database=database) as store,
    ):
        catalog = DoomedCatalog(metadata)
        await Registration(store, catalog, market="spot", storage_type="mongodb").register("trades_BTCUSDT")


asyncio.run(main(*sys.argv[1:]))
