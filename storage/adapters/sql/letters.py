"""The tables `dead_letters`, with the bytes of large ones in `dead_letter_parts`, and `conflicts`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.adapters.base import Conflicts, DeadLetters
from storage.adapters.sql.bodies import from_json, to_json, tuples
from storage.adapters.sql.database import Open
from storage.adapters.sql.schema import MAX_LETTER_ID_CHARACTERS, conflicts, dead_letter_parts, dead_letters
from storage.adapters.sql.slices import Condition
from storage.errors import TransientError
from storage.letters import Conflict, DeadLetter
from storage.outcomes import Reason
from storage.sql.dialects import dialect_module
from storage.sql.statements import insert_new

PART_BYTES = 1 << 20
"""MySQL takes packets of 16 MiB at least, and BLOBs of a tenth of its log."""

_PAGE = 16  # letters hold whole messages: so many are in memory at the same time


class SQLDeadLetters(DeadLetters):
    """Letters in the database that an adapter has open."""

    def __init__(self, database: Open) -> None:
        self._database = database

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        database = self._database()
        for letter in letters:
            row = _row(letter)
            for part in _parts(row["_id"], letter.data):
                async with database.write() as connection:
                    await insert_new(connection, dead_letter_parts, [part])
            async with database.write() as connection:
                await connection.execute(_upsert(database.dialect), row)

    async def find(
        self,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[DeadLetter]:
        where: list[Condition] = [dead_letters.c["_id"].in_(_keys(ids))] if ids else []
        where += [dead_letters.c.reason == reason.value] if reason else []
        where += [dead_letters.c.source == source] if source is not None else []
        async for page in _oldest_first(self._database, dead_letters, dead_letters.c.first_seen, where, limit):
            async with self._database().read() as connection:
                found = [await _letter(connection, row) for row in page]
            for letter in found:
                yield letter

    async def count(self) -> Mapping[Reason, int]:
        reason = dead_letters.c.reason
        async with self._database().read() as connection:
            rows = await connection.execute(sa.select(reason, sa.func.count()).group_by(reason))
            return {Reason(name): number for name, number in rows}

    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        replayed = sa.update(dead_letters).values(replayed_at=when)
        async with self._database().write() as connection:
            await connection.execute(replayed.where(dead_letters.c["_id"].in_(_keys(ids))))

    async def delete(self, ids: Sequence[str]) -> int:
        keys = _keys(ids)
        async with self._database().write() as connection:
            deleted = await connection.execute(sa.delete(dead_letters).where(dead_letters.c["_id"].in_(keys)))
            await connection.execute(sa.delete(dead_letter_parts).where(dead_letter_parts.c["_id"].in_(keys)))
            return deleted.rowcount


class SQLConflicts(Conflicts):
    """Conflicts in the database that an adapter has open."""

    def __init__(self, database: Open) -> None:
        self._database = database

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        async with self._database().write() as connection:
            for each in conflicts:
                await insert_new(connection, _CONFLICTS, [_conflict_row(each)])

    async def find(self, *, collection: str | None = None, limit: int = 0) -> AsyncIterator[Conflict]:
        where = [_CONFLICTS.c.collection == collection] if collection is not None else []
        async for page in _oldest_first(self._database, _CONFLICTS, _CONFLICTS.c.seen_at, where, limit):
            for row in page:
                yield _conflict(row)


_CONFLICTS = conflicts


def _key(id: str) -> str:
    """The id as a key: one that is too long ends in its hash. No position may keep a letter from being kept."""
    clean = id.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    if len(clean) <= MAX_LETTER_ID_CHARACTERS:
        return clean
    digest = hashlib.sha256(clean.encode()).hexdigest()
    return f"{clean[: MAX_LETTER_ID_CHARACTERS - len(digest) - 1]}~{digest}"


def _keys(ids: Sequence[str]) -> list[str]:
    return [_key(id) for id in ids]


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "_id": _key(letter.id),
        "subject": letter.subject,
        "headers": json.dumps(list(letter.headers.items())),
        "source": letter.source,
        "position": letter.position,
        "message_time": letter.message_time,
        "element": letter.element,
        "reason": letter.reason.value,
        "error": letter.error,
        "trace_id": letter.trace_id,
        "first_seen": letter.first_seen,
        "last_seen": letter.last_seen,
        "attempts": letter.attempts,
        "replayed_at": letter.replayed_at,
        "data": letter.data[:PART_BYTES],
    }


def _parts(key: str, data: bytes) -> list[dict[str, Any]]:
    starts = range(PART_BYTES, len(data), PART_BYTES)
    parts = (data[start : start + PART_BYTES] for start in starts)
    return [{"_id": key, "number": number, "data": part} for number, part in enumerate(parts)]


def _upsert(dialect: str) -> Any:
    """A letter that is there takes what is newer, and counts."""
    newer, attempts = ("reason", "error", "last_seen"), dead_letters.c.attempts
    insert = dialect_module(dialect).insert(dead_letters)
    new = insert.inserted if dialect == "mysql" else insert.excluded
    changes = {name: new[name] for name in newer} | {"attempts": attempts + new.attempts}
    if dialect == "mysql":
        return insert.on_duplicate_key_update(changes)
    return insert.on_conflict_do_update(index_elements=[dead_letters.c["_id"]], set_=changes)


async def _letter(connection: AsyncConnection, row: sa.Row[Any]) -> DeadLetter:
    values = {name: value for name, value in row._mapping.items() if name != "_id"}
    letter = DeadLetter(**values | {"headers": dict(json.loads(row.headers)), "reason": Reason(row.reason)})
    if len(letter.data) < PART_BYTES:
        return letter
    parts = sa.select(dead_letter_parts.c.data).where(dead_letter_parts.c["_id"] == row[0])
    found = await connection.scalars(parts.order_by(dead_letter_parts.c.number))
    whole = replace(letter, data=b"".join([letter.data, *found]))
    if _key(whole.id) != row[0]:
        raise TransientError(f"parts of {row[0]} are missing: was it deleted?")
    return whole


def _conflict_row(conflict: Conflict) -> dict[str, Any]:
    return {
        "_id": _key(conflict.id),
        "collection": conflict.collection,
        "key": conflict.key,
        "stored": to_json(conflict.stored),
        "incoming": to_json(conflict.incoming),
        "source": conflict.source,
        "position": conflict.position,
        "seen_at": conflict.seen_at,
    }


def _conflict(row: sa.Row[Any]) -> Conflict:
    values = {name: value for name, value in row._mapping.items() if name != "_id"}
    return Conflict(**values | {name: tuples(from_json(values[name])) for name in ("stored", "incoming")})


async def _oldest_first(
    database: Open, table: sa.Table, age: sa.Column[Any], where: Sequence[Condition], limit: int
) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    key = table.c["_id"]
    statement = sa.select(table).where(*where).order_by(age, key)
    after: Condition = sa.true()
    left = limit or _PAGE
    while left > 0:
        size = min(_PAGE, left)
        async with database().read() as connection:
            rows = (await connection.execute(statement.where(after).limit(size))).all()
        if rows:
            yield rows
        if len(rows) < size:
            return
        last = rows[-1]._mapping
        after = sa.and_(age >= last[age.name], sa.or_(age > last[age.name], key > last["_id"]))
        left -= len(rows) if limit else 0
