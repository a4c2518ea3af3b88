"""The collections `dead_letters` and `conflicts`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from storage.adapters.base import Conflicts, DeadLetters
from storage.adapters.mongodb.bodies import Bodies, Body
from storage.adapters.mongodb.connection import Connection, opened
from storage.adapters.mongodb.documents import to_document
from storage.adapters.mongodb.errors import translated
from storage.letters import Conflict, DeadLetter
from storage.outcomes import Reason
from storage.tables import table_of_collection


class MongoDBDeadLetters(DeadLetters):
    """Letters in `dead_letters`; the bytes of large ones in `dead_letters_parts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bodies = Bodies(connection, "dead_letters_parts")

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        with translated():
            upserts = [_upsert(letter, await self._bodies.keep(letter.id, _body(letter))) for letter in letters]
            if upserts:
                await self._letters.create_index("first_seen")
                await self._letters.bulk_write(upserts, ordered=False)

    async def find(
        self,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[DeadLetter]:
        where: dict[str, Any] = {"_id": {"$in": list(ids)}} if ids else {}
        where |= {"reason": {"$eq": reason.value}} if reason else {}
        where |= {"source": {"$eq": source}} if source is not None else {}
        with translated():
            async for found in self._letters.find(where).sort("first_seen").limit(limit):
                yield _letter(await self._bodies.fill(found))

    async def count(self) -> Mapping[Reason, int]:
        with translated():
            groups = await opened(self._letters.aggregate([{"$group": {"_id": "$reason", "count": {"$sum": 1}}}]))
            return {Reason(group["_id"]): group["count"] async for group in groups}

    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        with translated():
            await self._letters.update_many({"_id": {"$in": list(ids)}}, {"$set": {"replayed_at": when}})

    async def delete(self, ids: Sequence[str]) -> int:
        where = {"_id": {"$in": list(ids)}}
        with translated():
            large = [found async for found in self._letters.find(where | {"parts": {"$exists": True}}, {"parts": 1})]
            deleted = (await self._letters.delete_many(where)).deleted_count
            await self._bodies.forget(large)
        return int(deleted)

    @property
    def _letters(self) -> Any:
        return self._connection.database["dead_letters"]


def _body(letter: DeadLetter) -> Body:
    """What a message may make as large as it likes. Headers are pairs: a name may hold dots and dollars."""
    return {"headers": [[_text(name), _text(value)] for name, value in letter.headers.items()], "data": letter.data}


def _upsert(letter: DeadLetter, body: Body) -> UpdateOne:
    first: dict[str, Any] = {
        "subject": _text(letter.subject),
        "source": letter.source,
        "position": letter.position,
        "message_time": letter.message_time,
        "element": letter.element,
        "trace_id": letter.trace_id,
        "first_seen": letter.first_seen,
        "replayed_at": letter.replayed_at,
        **body,
    }
    latest = {"reason": letter.reason.value, "error": _text(letter.error), "last_seen": letter.last_seen}
    change = {
        "$setOnInsert": {name: value for name, value in first.items() if value is not None},
        "$set": latest,
        "$inc": {"attempts": letter.attempts},
    }
    return UpdateOne({"_id": letter.id}, change, upsert=True)


def _text(text: str) -> str:
    """Text that UTF-8 can write: what came broken from a bus must not keep a letter from being kept."""
    return text.encode(errors="backslashreplace").decode()


def _letter(found: dict[str, Any]) -> DeadLetter:
    values = {name: value for name, value in found.items() if name not in ("_id", "parts")}
    return DeadLetter(**values | {"headers": dict(found["headers"]), "reason": Reason(found["reason"])})


class MongoDBConflicts(Conflicts):
    """Conflicts in `conflicts`; large contents in `conflicts_parts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bodies = Bodies(connection, "conflicts_parts")

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        with translated():
            upserts = [await self._upsert(conflict) for conflict in conflicts]
            if upserts:
                await self._conflicts.create_index("seen_at")
                await self._conflicts.bulk_write(upserts, ordered=False)

    async def find(self, *, collection: str | None = None, limit: int = 0) -> AsyncIterator[Conflict]:
        where = {} if collection is None else {"collection": {"$eq": collection}}
        with translated():
            async for found in self._conflicts.find(where).sort("seen_at").limit(limit):
                yield _conflict(await self._bodies.fill(found))

    async def _upsert(self, conflict: Conflict) -> UpdateOne:
        document = {
            "collection": conflict.collection,
            "key": conflict.key,
            "source": conflict.source,
            "position": conflict.position,
            "seen_at": conflict.seen_at,
            **await self._bodies.keep(conflict.id, {"stored": conflict.stored, "incoming": conflict.incoming}),
        }
        return UpdateOne({"_id": conflict.id}, {"$setOnInsert": document}, upsert=True)

    @property
    def _conflicts(self) -> Any:
        return self._connection.database["conflicts"]


def _conflict(found: dict[str, Any]) -> Conflict:
    table = table_of_collection(found["collection"])
    contents = {name: to_document(table, found[name]) for name in ("stored", "incoming")}
    return Conflict(**{name: value for name, value in found.items() if name not in ("_id", "parts")} | contents)
