"""The collections of market data: each is made once, with its indexes and its validator, and there is a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from weakref import WeakValueDictionary

from pymongo.errors import OperationFailure

from storage.adapters.base import IndexChange
from storage.adapters.mongodb.connection import Database, opened
from storage.adapters.mongodb.indexes import BY_SYMBOL, BY_TIME, Index, ensure
from storage.adapters.mongodb.validators import Validation, change_of, options_of
from storage.adapters.requests import is_market
from storage.tables import table_of_collection

Layout = Literal["indexed", "clustered"]
_ALREADY_THERE = 48
_CLUSTERED: Mapping[str, Any] = {"clusteredIndex": {"key": {"_id": 1}, "unique": True}}


@dataclass(frozen=True, slots=True)
class Plan:
    """How collections should be: `layout` for new ones, `retention` by kind, and what the server checks."""

    layout: Layout = "indexed"
    limit: int = 5000
    validation: Validation = "off"
    retention: Mapping[str, timedelta] = field(default_factory=dict)

    def options(self, name: str) -> dict[str, Any]:
        """The options with which a collection is made."""
        layout = _CLUSTERED if self.layout == "clustered" else {}
        return {**layout, **options_of(table_of_collection(name), self.validation)}

    def indexes(self, name: str, *, clustered: bool) -> list[Index]:
        """The indexes that each collection has; documents of a clustered one leave by bounded deletes."""
        keep = None if clustered else self.retention.get(table_of_collection(name).name)
        return [Index(BY_TIME, keep)]


class Collections:
    """What is known of the collections on the server.

    Several pods may make collections at the same time: each makes what it needs, whoever comes first, and
    looks before it counts. The limit is exact for one pod; several together may pass it by one each.
    `index_changes` grows by each index that had to be changed.
    """

    def __init__(self, plan: Plan) -> None:
        self.index_changes: list[IndexChange] = []
        self._plan = plan
        self._options: dict[str, Mapping[str, Any]] = {}
        self._ready: set[str] = set()
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def is_clustered(self, name: str) -> bool:
        """Whether a collection is stored in the order of its `_id`, whatever the layout is now."""
        return "clusteredIndex" in self._options.get(name, {})

    async def load(self, database: Database) -> None:
        """Forget what was known and ask the server."""
        self._options.clear()
        self._ready.clear()
        await self._learn(database)

    async def names(self, database: Database) -> list[str]:
        """The names of the collections on the server, sorted."""
        return sorted(filter(is_market, await database.list_collection_names()))

    async def prepare(self, database: Database, name: str) -> bool:
        """See that a collection is there as it should be; False when that would pass the limit."""
        if name in self._ready:
            return True
        lock = self._making.setdefault(name, asyncio.Lock())
        async with lock:
            if not await self._is_there(database, name) and not await self._make(database, name):
                return False
            await self._complete(database, name)
            self._ready.add(name)
        return True

    async def index_symbols(self, database: Database, name: str) -> None:
        """Make the index that questions for one symbol of many need."""
        await self._ensure(database, name, [Index(BY_SYMBOL)])

    async def _complete(self, database: Database, name: str) -> None:
        """What a process that was killed left out, or made under other settings."""
        await self._ensure(database, name, self._plan.indexes(name, clustered=self.is_clustered(name)))
        change = change_of(table_of_collection(name), self._plan.validation, self._options[name])
        if change is not None:
            await database.command({"collMod": name, **change})

    async def _ensure(self, database: Database, name: str, indexes: Sequence[Index]) -> None:
        self.index_changes += await ensure(database, name, indexes)

    async def _is_there(self, database: Database, name: str) -> bool:
        if name not in self._options:
            await self._learn(database, {"name": name} if self._is_full else None)
        return name in self._options

    async def _make(self, database: Database, name: str) -> bool:
        if self._is_full:
            return False
        self._options[name] = self._plan.options(name)
        try:
            await self._create(database, name)
        except BaseException:
            del self._options[name]
            raise
        return True

    async def _create(self, database: Database, name: str) -> None:
        try:
            await database.create_collection(name, check_exists=False, **self._plan.options(name))
        except OperationFailure as error:
            if error.code != _ALREADY_THERE:
                raise
            await self._learn(database, {"name": name})  # another pod was faster

    async def _learn(self, database: Database, which: Mapping[str, Any] | None = None) -> None:
        async for found in await opened(database.list_collections(filter=which)):
            if is_market(found["name"]):
                self._options[found["name"]] = found.get("options", {})

    @property
    def _is_full(self) -> bool:
        return len(self._options) >= self._plan.limit
