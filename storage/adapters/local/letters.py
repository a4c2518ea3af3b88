"""Dead letters and conflicts of the local store: one SQLite file, synced at each commit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from storage.adapters.base import Conflicts, DeadLetters
from storage.adapters.local.contents import from_json, to_json
from storage.adapters.local.database import Database
from storage.letters import Conflict, DeadLetter
from storage.outcomes import Reason
from storage.times import from_ms, to_ms

T = TypeVar("T")

PAGE = 16  # letters hold whole messages: so many are in memory at the same time

SCHEMA = """
CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL,
    subject TEXT NOT NULL,
    headers TEXT NOT NULL,
    source TEXT NOT NULL,
    position TEXT NOT NULL,
    message_time INTEGER,
    element INTEGER NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    trace_id TEXT,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    replayed_at INTEGER
);
CREATE INDEX IF NOT EXISTS dead_letters_by_age ON dead_letters (first_seen);
CREATE INDEX IF NOT EXISTS dead_letters_by_reason ON dead_letters (reason);
CREATE TABLE IF NOT EXISTS conflicts (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    stored TEXT NOT NULL,
    incoming TEXT NOT NULL,
    source TEXT NOT NULL,
    position TEXT NOT NULL,
    seen_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS conflicts_by_age ON conflicts (seen_at);
"""

_PUT_LETTER = """
INSERT INTO dead_letters (id, data, subject, headers, source, position, message_time, element, reason, error,
                          trace_id, first_seen, last_seen, attempts, replayed_at)
VALUES (:id, :data, :subject, :headers, :source, :position, :message_time, :element, :reason, :error,
        :trace_id, :first_seen, :last_seen, :attempts, :replayed_at)
ON CONFLICT (id) DO UPDATE SET
    reason = excluded.reason, error = excluded.error, last_seen = excluded.last_seen,
    attempts = attempts + excluded.attempts
"""
_FIND_LETTERS = """
SELECT * FROM dead_letters
WHERE (first_seen, number) > (:first_seen, :number)
  AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
  AND (:reason IS NULL OR reason = :reason) AND (:source IS NULL OR source = :source)
ORDER BY first_seen, number LIMIT :page
"""
_PUT_CONFLICT = """
INSERT INTO conflicts (id, collection, key, stored, incoming, source, position, seen_at)
VALUES (:id, :collection, :key, :stored, :incoming, :source, :position, :seen_at) ON CONFLICT (id) DO NOTHING
"""
_FIND_CONFLICTS = """
SELECT * FROM conflicts
WHERE (seen_at, number) > (:seen_at, :number) AND (:collection IS NULL OR collection = :collection)
ORDER BY seen_at, number LIMIT :page
"""


class Run(Protocol):
    """Does blocking work in a thread; raises DatabaseError only."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class LocalDeadLetters(DeadLetters):
    """Letters as rows, their bytes as they came."""

    def __init__(self, letters: Database, run: Run) -> None:
        self._letters = letters
        self._run = run

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self._run(partial(self._letters.change, _PUT_LETTER, [_row_of_letter(letter) for letter in letters]))

    async def find(
        self,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[DeadLetter]:
        asked = {"ids": json.dumps(list(ids)) if ids else None, "reason": reason, "source": source}
        async for row in _paged(self._letters, self._run, _FIND_LETTERS, "first_seen", asked, limit):
            yield _letter_of_row(row)

    async def count(self) -> Mapping[Reason, int]:
        statement = "SELECT reason, count(*) FROM dead_letters GROUP BY reason"
        rows = await self._run(partial(self._letters.rows, statement, {}))
        return {Reason(reason): count for reason, count in rows}

    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        statement = "UPDATE dead_letters SET replayed_at = :when WHERE id = :id"
        many = [{"id": id, "when": to_ms(when)} for id in ids]
        await self._run(partial(self._letters.change, statement, many))

    async def delete(self, ids: Sequence[str]) -> int:
        statement = "DELETE FROM dead_letters WHERE id = :id"
        return max(0, await self._run(partial(self._letters.change, statement, [{"id": id} for id in ids])))


class LocalConflicts(Conflicts):
    """Conflicts as rows, both contents as JSON that keeps each value exactly."""

    def __init__(self, letters: Database, run: Run) -> None:
        self._letters = letters
        self._run = run

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        rows = [_row_of_conflict(conflict) for conflict in conflicts]
        await self._run(partial(self._letters.change, _PUT_CONFLICT, rows))

    async def find(self, *, collection: str | None = None, limit: int = 0) -> AsyncIterator[Conflict]:
        asked = {"collection": collection}
        async for row in _paged(self._letters, self._run, _FIND_CONFLICTS, "seen_at", asked, limit):
            yield _conflict_of_row(row)


async def _paged(
    letters: Database, run: Run, statement: str, time: str, asked: Mapping[str, Any], limit: int
) -> AsyncIterator[sqlite3.Row]:
    """Rows by age, a page at a time, so that rows may come and go meanwhile."""
    after = {time: -(2**63), "number": 0}
    left = limit or -1
    while left:
        page = PAGE if left < 0 else min(PAGE, left)
        rows = await run(partial(letters.rows, statement, {**asked, **after, "page": page}))
        for row in rows:
            yield row
        if len(rows) < page:
            return
        after = {time: rows[-1][time], "number": rows[-1]["number"]}
        left -= len(rows)


def _row_of_letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "data": letter.data,
        "subject": letter.subject,
        "headers": json.dumps(dict(letter.headers)),
        "source": letter.source,
        "position": letter.position,
        "message_time": letter.message_time,
        "element": letter.element,
        "reason": letter.reason,
        # An error may quote text of the message that is no Unicode.
        "error": letter.error.encode("utf-8", "backslashreplace").decode(),
        "trace_id": letter.trace_id,
        "first_seen": to_ms(letter.first_seen),
        "last_seen": to_ms(letter.last_seen),
        "attempts": letter.attempts,
        "replayed_at": None if letter.replayed_at is None else to_ms(letter.replayed_at),
    }


def _letter_of_row(row: sqlite3.Row) -> DeadLetter:
    values: dict[str, Any] = {name: row[name] for name in row.keys() if name not in ("number", "id")}  # noqa: SIM118 - a Row iterates over its values
    values["headers"] = json.loads(values["headers"])
    values["reason"] = Reason(values["reason"])
    for name in ("first_seen", "last_seen", "replayed_at"):
        values[name] = None if values[name] is None else from_ms(values[name])
    return DeadLetter(**values)


def _row_of_conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "id": conflict.id,
        "collection": conflict.collection,
        "key": conflict.key,
        "stored": to_json(conflict.stored),
        "incoming": to_json(conflict.incoming),
        "source": conflict.source,
        "position": conflict.position,
        "seen_at": to_ms(conflict.seen_at),
    }


def _conflict_of_row(row: sqlite3.Row) -> Conflict:
    return Conflict(
        collection=row["collection"],
        key=row["key"],
        stored=from_json(row["stored"]),
        incoming=from_json(row["incoming"]),
        source=row["source"],
        position=row["position"],
        seen_at=from_ms(row["seen_at"]),
    )
