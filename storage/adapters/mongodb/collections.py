"""The collections of market data: each is made once, with its index, and there is a limit to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal
from weakref import WeakValueDictionary

from pymongo.errors import OperationFailure

from storage.adapters.mongodb.connection import Database
from storage.adapters.requests import is_market

Layout = Literal["indexed", "clustered"]
_ALREADY_THERE = 48


class Collections:
    """What is known of the collections on the server.

    Several pods may make collections at the same time: each makes what it needs, whoever comes first, and
    looks before it counts. The limit is exact for one pod; several together may pass it by one each.
    """

    def __init__(self, layout: Layout, limit: int) -> None:
        self._layout = layout
        self._limit = limit
        self._clustered: dict[str, bool] = {}
        self._ready: set[str] = set()
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def is_clustered(self, name: str) -> bool:
        """Whether a collection is stored in the order of its `_id`, whatever the layout is now."""
        return self._clustered.get(name, False)

    async def load(self, database: Database) -> None:
        """Forget what was known and ask the server."""
        self._clustered.clear()
        self._ready.clear()
        await self._learn(database)

    async def names(self, database: Database) -> list[str]:
        """The names of the collections on the server, sorted."""
        return sorted(filter(is_market, await database.list_collection_names()))

    async def prepare(self, database: Database, name: str) -> bool:
        """See that a collection is there with its index; False when that would pass the limit."""
        if name in self._ready:
            return True
        lock = self._making.setdefault(name, asyncio.Lock())
        async with lock:
            if not await self._is_there(database, name) and not await self._make(database, name):
                return False
            await database[name].create_index("timestamp")
            self._ready.add(name)
        return True

    async def _is_there(self, database: Database, name: str) -> bool:
        if name not in self._clustered:
            await self._learn(database, {"name": name} if self._is_full else None)
        return name in self._clustered

    async def _make(self, database: Database, name: str) -> bool:
        if self._is_full:
            return False
        self._clustered[name] = self._layout == "clustered"
        try:
            await self._create(database, name)
        except BaseException:
            del self._clustered[name]
            raise
        return True

    async def _create(self, database: Database, name: str) -> None:
        options: dict[str, Any] = (
            {"clusteredIndex": {"key": {"_id": 1}, "unique": True}} if self._layout == "clustered" else {}
        )
        try:
            await database.create_collection(name, check_exists=False, **options)
        except OperationFailure as error:
            if error.code != _ALREADY_THERE:  # another pod was faster
                raise

    async def _learn(self, database: Database, which: Mapping[str, Any] | None = None) -> None:
        async for found in await database.list_collections(filter=which):
            if is_market(found["name"]):
                self._clustered[found["name"]] = "clusteredIndex" in found.get("options", {})

    @property
    def _is_full(self) -> bool:
        return len(self._clustered) >= self._limit
