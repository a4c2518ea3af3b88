"""The names of the collections that were ever written to, in a table of their own: there is a limit to them."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from storage.adapters.sql.database import Open
from storage.adapters.sql.schema import collections
from storage.sql.statements import insert_new


class Collections:
    """What is known of the collections in the database.

    Several writers may make collections at once; the limit is exact for one process, several together may
    pass it by one each.
    """

    def __init__(self, database: Open, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._known: set[str] = set()
        self._making = asyncio.Lock()

    def forget(self) -> None:
        """Know nothing: the next database may be another one."""
        self._known.clear()

    async def names(self) -> list[str]:
        """The names of all collections, sorted."""
        async with self._database().read() as connection:
            return sorted(await connection.scalars(sa.select(collections.c.name)))

    async def prepare(self, name: str) -> bool:
        """See that a collection is written down; False when that would pass the limit."""
        if name in self._known:
            return True
        async with self._making:
            if name not in self._known and not await self._learn(name):
                return False
        self._known.add(name)
        return True

    async def _learn(self, name: str) -> bool:
        known = await self.names()
        self._known.update(known)
        if name in self._known:
            return True
        if len(known) >= self._limit:
            return False
        async with self._database().write() as connection:
            await insert_new(connection, collections, [{"name": name}])
        return True
