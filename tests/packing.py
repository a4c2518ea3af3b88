"""A store in memory that is given what usual messages say as columns, like the stores on disk."""

from __future__ import annotations

from collections.abc import Sequence

from storage import Result, Table
from storage.adapters.local.packing import PACKS
from storage.adapters.memory import MemoryAdapter
from storage.packed import Item, plain


class PackingAdapter(MemoryAdapter):
    """Packs as the files do, and unpacks again."""

    packs = PACKS

    async def put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        return await super().put(table, collection, list(map(plain, records)))
