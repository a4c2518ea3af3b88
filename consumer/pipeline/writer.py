"""Brings a batch to the store and settles it: the outcome of each record decides.

batch ─► rounds of unique keys ─► repository.write ─► fate of each ─► conflicts, dead letters ─► ending
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from consumer.pipeline.batcher import Batch
from consumer.pipeline.cargo import Cargo
from consumer.pipeline.collapse import Round, collapse
from consumer.pipeline.ending import Ending
from consumer.pipeline.entries import Entry, Failed, Lane, Part
from consumer.pipeline.letters import conflict, dead_letter
from consumer.pipeline.retry import GaveUp, Retrier
from consumer.pipeline.slots import Slots
from consumer.pipeline.tally import Fate
from consumer.telemetry import events, traces
from storage import Outcome, Result, Table
from storage.adapters.base import Conflicts, DeadLetters
from storage.outcomes import DUPLICATE, STORED
from storage.repositories.base import Repository
from storage.times import utc_now

_FATES: Mapping[Outcome, Fate] = {
    Outcome.STORED: Fate.STORED,
    Outcome.DUPLICATE: Fate.DUPLICATE,
    Outcome.STALE: Fate.STALE,
    Outcome.CONFLICT: Fate.CONFLICT,
}


class Writer:
    """Writes batches until every part of them has a durable end; as many at the same time as `slots` says.

    Nothing is settled before it is durable: conflicts and dead letters too are written first. When the
    service gives up on a batch, or is cancelled, its open parts go back to the bus.
    """

    def __init__(
        self,
        repositories: Mapping[str, Repository[Any]],
        dead_letters: DeadLetters,
        conflicts: Conflicts,
        retrier: Retrier,
        ending: Ending,
        slots: Slots,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._repositories = repositories
        self._dead_letters = dead_letters
        self._conflicts = conflicts
        self._retrier = retrier
        self.ending = ending
        self._now = now
        self._slots = slots
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def flush(self, batch: Batch[Lane, Part]) -> None:
        """Write a batch and end all its parts."""
        cargo = Cargo(batch.parts)
        try:
            async with self._turn(batch.lane), self._slots.of(batch.bytes):
                if batch.lane.table is None:
                    await self._bury(cargo.parts)
                else:
                    await self._store(batch.lane.table, batch.lane.collection, cargo)
        except GaveUp:
            pass
        finally:
            self._end(cargo.parts, Fate.RETURNED)

    @asynccontextmanager
    async def _turn(self, lane: Lane) -> AsyncIterator[None]:
        """A batch of a versioned kind never overtakes another of its collection."""
        if lane.table is None or not lane.table.version:
            yield
            return
        async with self._turns[lane.collection]:
            yield

    async def _store(self, table: Table, collection: str, cargo: Cargo) -> None:
        """Write round after round; `cargo` loses each part that has ended."""
        delays = self._retrier.delays()
        while cargo.parts:
            chosen, results = await self._write_round(table, collection, cargo)
            if (fate := _fate_of_all(chosen, results)) is not None:
                self._end(cargo.parts, fate)
                return
            entries, fates = cargo.entries, chosen.fates(results)
            await self._keep_conflicts(table, collection, entries, fates)
            await self._bury_rejected(entries, fates)
            self._end_decided(entries, fates)
            if any(fate.outcome is Outcome.RETRY for fate in fates.values()):
                await self._retrier.pause(next(delays))

    async def _write_round(self, table: Table, collection: str, cargo: Cargo) -> tuple[Round, Sequence[Result]]:
        items = cargo.items
        chosen = collapse(table, items)
        leaders = items if len(chosen.leaders) == len(items) else [items[index] for index in chosen.leaders]

        async def write() -> Sequence[Result]:
            with traces.flush(table.name, collection, len(leaders), cargo.traceparents):
                return await self._repositories[table.name].write(collection, leaders)

        return chosen, await self._retrier.call(table.name, write)

    async def _keep_conflicts(
        self, table: Table, collection: str, entries: Sequence[Entry], fates: Mapping[int, Result]
    ) -> None:
        found = [
            conflict(table, collection, entries[index], fate.stored or {}, self._now())
            for index, fate in fates.items()
            if fate.outcome is Outcome.CONFLICT
        ]
        if found:
            await self._retrier.call("conflicts", partial(self._conflicts.put, found))
            events.conflicts_recorded(table.name, len(found))

    async def _bury_rejected(self, entries: Sequence[Entry], fates: Mapping[int, Result]) -> None:
        dead = [
            entries[index].rejected(fate.reason, fate.error) for index, fate in fates.items() if fate.reason is not None
        ]
        if dead:
            await self._bury(dead)

    def _end_decided(self, entries: list[Entry], fates: Mapping[int, Result]) -> None:
        """Keep those of which nothing became yet; the rejected ones have ended already."""
        ending = {
            fate: [entries[index] for index, each in fates.items() if each.outcome is outcome]
            for outcome, fate in _FATES.items()
        }
        ended = {index for index, each in fates.items() if each.outcome in _FATES or each.reason is not None}
        entries[:] = [entry for index, entry in enumerate(entries) if index not in ended]
        for fate, some in ending.items():
            self.ending.end(some, fate)

    async def _bury(self, failed: list[Failed]) -> None:
        """Write the dead letters of all parts, then end them; two records of one element are one letter."""
        letters = {letter.id: letter for letter in (dead_letter(part, self._now()) for part in failed)}
        await self._retrier.call("dead_letters", partial(self._dead_letters.put, list(letters.values())))
        for letter in letters.values():
            events.dead_lettered(letter.reason, 1)
        self._end(failed, Fate.DEAD_LETTERED)

    def _end(self, parts: list[Any], fate: Fate) -> None:
        if parts:
            ending = list(parts)
            parts.clear()
            self.ending.end(ending, fate)


def _fate_of_all(chosen: Round, results: Sequence[Result]) -> Fate | None:
    """What became of all records of a round, if none of them has to be looked at."""
    if chosen.followers or chosen.waiting:
        return None
    if results.count(STORED) == len(results):
        return Fate.STORED
    return Fate.DUPLICATE if results.count(DUPLICATE) == len(results) else None
