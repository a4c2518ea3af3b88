"""The indexes of a collection as they should be; one that differs is told of and made again, never silently kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pymongo
from pymongo import IndexModel
from pymongo.errors import OperationFailure

from storage.adapters.base import IndexChange
from storage.adapters.mongodb.connection import Database, opened

Key = tuple[tuple[str, int], ...]
Options = Mapping[str, Any]

BY_TIME: Key = (("timestamp", 1),)
BY_SYMBOL: Key = (("symbol", 1), ("timestamp", 1))

_GONE_ALREADY = 27
_PATIENCE_SECONDS = 300
"""For an index of a collection that holds much already."""

_NO_OPTIONS = frozenset({"v", "key", "ns", "name", "background"})


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a collection should have; `expire_after` makes documents leave so long after their time."""

    key: Key
    expire_after: timedelta | None = None

    @property
    def options(self) -> Options:
        """Its options in the words of the server."""
        if self.expire_after is None:
            return {}
        return {"expireAfterSeconds": int(self.expire_after.total_seconds())}

    @property
    def name(self) -> str:
        """The name that the server would give it."""
        return "_".join(f"{field}_{direction}" for field, direction in self.key)


async def ensure(database: Database, collection: str, wanted: Sequence[Index]) -> list[IndexChange]:
    """Make what is missing and change what differs; indexes on other keys are not ours to touch."""
    there = {_key(found): found async for found in await opened(database[collection].list_indexes())}
    with pymongo.timeout(_PATIENCE_SECONDS):
        changes = [change async for change in _changes(database, collection, wanted, there)]
        if missing := [index for index in wanted if index.key not in there]:
            await _create(database, collection, missing)
    return changes


async def _changes(
    database: Database, collection: str, wanted: Sequence[Index], there: Mapping[Key, Options]
) -> AsyncIterator[IndexChange]:
    for index in wanted:
        if (found := there.get(index.key)) is not None and _options(found) != index.options:
            await _change(database, collection, index, found)
            yield IndexChange(collection, found["name"], _options(found), index.options)


async def _change(database: Database, collection: str, index: Index, found: Options) -> None:
    """Only the time after which documents leave can be changed in place; for the rest an index is made again."""
    was = {name: value for name, value in _options(found).items() if name != "expireAfterSeconds"}
    if index.options and not was:
        change = {"name": found["name"], **index.options}
        await database.command({"collMod": collection, "index": change})
        return
    try:
        await database[collection].drop_index(found["name"])
    except OperationFailure as error:
        if error.code != _GONE_ALREADY:  # another pod was faster
            raise
    await _create(database, collection, [index])


async def _create(database: Database, collection: str, indexes: Sequence[Index]) -> None:
    models = [IndexModel(list(index.key), name=index.name, **index.options) for index in indexes]
    await database[collection].create_indexes(models)


def _key(found: Options) -> Key:
    return tuple(found["key"].items())


def _options(found: Options) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in _NO_OPTIONS}
