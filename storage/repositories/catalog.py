"""What datasets there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.errors import IncompatibleSchema
from storage.metadata.database import MetadataDatabase
from storage.metadata.rows import Dataset
from storage.metadata.schema import datasets
from storage.metadata.values import bind_values
from storage.schemas import PUBLISHED, Mode, refuse_change, schema_id
from storage.sql.statements import upsert
from storage.tables import table_of_collection


def dataset_id(market: str, collection: str) -> str:
    """The id of the dataset that one collection of one market is."""
    return f"{market}.{collection}"


def dataset_of(id: str, storage_type: str, now: datetime) -> Dataset:
    """The dataset of that id as it is registered first: named by its collection, with its kind and its schema."""
    collection = id.partition(".")[2]
    kind = _kind(collection)
    return Dataset(
        dataset_id=id,
        name=collection or id,
        category=kind or "other",
        schema_id=None if kind is None else schema_id(kind),
        storage_type=storage_type,
        created_at=now,
        updated_at=now,
    )


def _kind(collection: str) -> str | None:
    try:
        return table_of_collection(collection).name
    except ValueError:
        return None


_AT_ONCE = 1000
"""Ids that one question names; the drivers bind 32,767 values at most."""


class CatalogRepository:
    """The datasets, by id.

    `compatibility` says which changes of a dataset's schema are allowed, between those that `schemas` holds.
    """

    def __init__(
        self, database: MetadataDatabase, *, compatibility: Mode = "backward", schemas: Path = PUBLISHED
    ) -> None:
        self._database = database
        self._compatibility = compatibility
        self._schemas = schemas

    async def upsert_dataset(self, dataset: Dataset) -> None:
        """Register a dataset, or change it; `created_at` stays, and None wipes nothing."""
        await self.upsert_datasets([dataset])

    async def upsert_datasets(self, rows: Sequence[Dataset]) -> None:
        """Register several datasets, all or none; raises RejectedError when one cannot be stored.

        IncompatibleSchema names the dataset whose schema may not follow the one that is registered, and why.
        """
        values = [bind_values(datasets, row) for row in rows]
        async with self._database.write() as connection:
            # Written first, the rows are locked: until the end nobody else changes the schemas that are compared.
            await upsert(connection, datasets, values, keep=frozenset({"created_at", "schema_id"}))
            for start in range(0, len(rows), _AT_ONCE):
                await self._change_schemas(connection, rows[start : start + _AT_ONCE])

    async def get_dataset(self, dataset_id: str) -> Dataset | None:
        """The dataset of that id."""
        async with self._database.read() as connection:
            result = await connection.execute(select(datasets).where(datasets.c.dataset_id == dataset_id))
            row = result.mappings().one_or_none()
        return None if row is None else _dataset(row)

    async def get_all_datasets(self, category: str | None = None) -> list[Dataset]:
        """All datasets, or those of one category, by id."""
        question = select(datasets).order_by(datasets.c.dataset_id)
        if category is not None:
            question = question.where(datasets.c.category == category)
        async with self._database.read() as connection:
            return [_dataset(row) for row in (await connection.execute(question)).mappings()]

    async def _change_schemas(self, connection: AsyncConnection, rows: Sequence[Dataset]) -> None:
        wanted = {row.dataset_id: row.schema_id for row in rows if row.schema_id is not None}
        ids, was = datasets.c.dataset_id, datasets.c.schema_id
        registered = await connection.execute(select(ids, was).where(ids.in_(sorted(wanted))))
        for dataset_id, old in registered.all():
            if old != (new := wanted[dataset_id]):
                self._refuse(dataset_id, old, new)
                await connection.execute(update(datasets).where(ids == dataset_id).values(schema_id=new))

    def _refuse(self, dataset_id: str, old: str | None, new: str) -> None:
        try:
            if old is not None:
                refuse_change(old, new, self._compatibility, self._schemas)
        except IncompatibleSchema as error:
            raise IncompatibleSchema(f"dataset {dataset_id}: {error}") from error


def _dataset(row: RowMapping) -> Dataset:
    return Dataset(**row)
