"""Takes the steps, under the lock, and remembers which were taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.errors import translated
from storage.errors import RejectedError
from storage.migrations.mongodb.lock import COLLECTION, LEASE_SECONDS, migration_lease
from storage.migrations.mongodb.steps import STEPS, Site, Step
from storage.migrations.steps import MigrationStatus
from storage.times import utc_now


class MongoDBMigrations:
    """The migrations of the database of a connected adapter.

    Methods raise RejectedError for an unknown target, MigrationsLocked while another process migrates, and
    what the adapter raises. A database that a newer version has migrated is left as it is.
    """

    def __init__(
        self, adapter: MongoDBAdapter, steps: Sequence[Step] = STEPS, *, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._adapter = adapter
        self._steps = steps
        self._lease_seconds = lease_seconds

    async def status(self) -> MigrationStatus:
        """Where the collections stand; changes nothing."""
        with translated():
            return self._status(await self._taken())

    async def upgrade(self, target: str = "head") -> MigrationStatus:
        """Take what is pending up to a version; of processes that start at once, one does."""
        wanted = self._steps[: self._place(target)]
        before = await self.status()
        if not set(before.pending) & {step.version for step in wanted}:
            return before
        async with self._site() as site:
            taken = await self._taken()
            for step in wanted:
                if step.version not in taken:
                    await step.up(site)
                    await self._remember(step)
            return self._status(await self._taken())

    async def downgrade(self, target: str) -> MigrationStatus:
        """Take the steps after a version back, newest first: "-1" is one step, "base" all of them."""
        if target != "-1":
            self._place(target)
        async with self._site() as site:
            taken = [step for step in self._steps if step.version in await self._taken()]
            kept = taken[:-1] if target == "-1" else taken[: self._place(target)]
            for step in reversed(taken[len(kept) :]):
                await step.down(site)
                await self._forget(step)
            return self._status(await self._taken())

    @asynccontextmanager
    async def _site(self) -> AsyncIterator[Site]:
        database, plan = self._adapter.connection.database, self._adapter.plan
        with translated():
            async with migration_lease(database, self._lease_seconds) as lease:
                yield Site(database, plan, lease.renew)

    def _place(self, target: str) -> int:
        """How many steps lead to a version."""
        versions = ["base", *(step.version for step in self._steps)]
        if target == "head":
            return len(self._steps)
        if target not in versions:
            raise RejectedError(f"there is no version {target[:80]!r} of the collections: {', '.join(versions)}")
        return versions.index(target)

    def _status(self, taken: Sequence[str]) -> MigrationStatus:
        pending = tuple(step.version for step in self._steps if step.version not in taken)
        return MigrationStatus(max(taken, default=None), self._steps[-1].version, pending)

    async def _taken(self) -> list[str]:
        found = self._adapter.connection.database[COLLECTION].find({"taken_at": {"$exists": True}})
        return [each["_id"] async for each in found]

    async def _remember(self, step: Step) -> None:
        collection = self._adapter.connection.database[COLLECTION]
        await collection.update_one(
            {"_id": step.version}, {"$set": {"about": step.about, "taken_at": utc_now()}}, upsert=True
        )

    async def _forget(self, step: Step) -> None:
        await self._adapter.connection.database[COLLECTION].delete_one({"_id": step.version})
