"""A collection in the store of documents and its dataset in SQL: in the end both are there, or neither.

The collection is made first. A process that dies between the two leaves a collection without a dataset,
and `reconcile` registers it at the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storage.adapters.base import BaseAdapter
from storage.metadata.rows import Dataset
from storage.repositories.catalog import CatalogRepository, dataset_id, dataset_of
from storage.times import utc_now


class Registration:
    """The collections of one market in one store, and their datasets."""

    def __init__(
        self,
        adapter: BaseAdapter,
        catalog: CatalogRepository,
        *,
        market: str,
        storage_type: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._adapter = adapter
        self._catalog = catalog
        self._market = market
        self._storage_type = storage_type
        self._clock = clock

    async def register(self, collection: str) -> Dataset:
        """Make a collection with its indexes, and its dataset; doing it twice is harmless."""
        await self._adapter.ensure_indexes(collection)
        dataset = self._dataset(collection)
        await self._catalog.upsert_dataset(dataset)
        return dataset

    async def reconcile(self) -> list[str]:
        """Register the collections that have no dataset, and name them; a dataset without one is left alone."""
        known = {dataset.dataset_id for dataset in await self._catalog.get_all_datasets()}
        collections = await self._adapter.list_collections()
        missing = [name for name in collections if dataset_id(self._market, name) not in known]
        await self._catalog.upsert_datasets([self._dataset(name) for name in missing])
        return missing

    def _dataset(self, collection: str) -> Dataset:
        return dataset_of(dataset_id(self._market, collection), self._storage_type, self._clock())
