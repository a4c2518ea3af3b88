"""Free documents: JSON text by collection and `_id`. Filters and pipelines are reckoned here, not in the database,
from documents that stream; a sort or a group keeps in memory what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.adapters.base import Change, Document
from storage.adapters.sql.bodies import canonical, from_json, to_json
from storage.adapters.sql.database import MarketDatabase
from storage.adapters.sql.schema import documents
from storage.errors import RejectedError, TransientError
from storage.queries import Filter, Limit, Match, Pipeline, Project, run
from storage.sql.statements import insert_new, overwrite

MAX_CHARACTERS = 8 << 20
_BATCH = 500
_ROUNDS = 20
_ID = documents.c["_id"]


class _OvertakenError(Exception):
    """Another writer has made an `_id` since we looked."""


async def answer(database: MarketDatabase, collection: str, pipeline: Pipeline) -> AsyncIterator[Document]:
    """What the stages make of a collection."""
    passing = list(takewhile(lambda stage: isinstance(stage, Match | Project), pipeline))
    after = pipeline[len(passing) :]
    found = _passed(database, collection, passing)
    if not after:
        async for document in found:
            yield document
        return
    wanted = after[0].count if isinstance(after[0], Limit) else None
    kept: list[Document] = []
    async for document in found:
        kept.append(document)
        if len(kept) == wanted:
            break
    for document in run(after, kept):
        yield document


async def delete(database: MarketDatabase, collection: str, filter: Filter) -> int:
    """Remove the documents that match; returns how many there were."""
    deleted = 0
    async for page in _pages(database, collection):
        keys = [document["_id"] for document in run([Match(filter)], page)]
        if keys:
            gone = sa.delete(documents).where(documents.c.collection == collection, _ID.in_(keys))
            async with database.write() as connection:
                deleted += (await connection.execute(gone)).rowcount
    return deleted


async def replace(
    database: MarketDatabase, collection: str, given: Sequence[Mapping[str, Any]], *, dry_run: bool
) -> list[Change]:
    """Write checked documents by `_id` and say of each what that changed."""
    rows = [_row(collection, document) for document in given]
    changes: list[Change] = []
    for start in range(0, len(given), _BATCH):
        part = slice(start, start + _BATCH)
        changes += await _replace(database, given[part], rows[part], dry_run=dry_run)
    return changes


async def _replace(
    database: MarketDatabase, given: Sequence[Mapping[str, Any]], rows: Sequence[dict[str, Any]], *, dry_run: bool
) -> list[Change]:
    for _ in range(_ROUNDS):
        try:
            async with database.write() as connection:
                standing = await _standing(connection, rows)
                changes = [_change(document, standing.get(document["_id"])) for document in given]
                if not dry_run:
                    await _write(connection, rows, changes)
                return changes
        except _OvertakenError:
            continue
    raise TransientError("other writers make the same documents all the time")


async def _write(connection: AsyncConnection, rows: Sequence[dict[str, Any]], changes: Sequence[Change]) -> None:
    new, other = (
        [row for row, change in zip(rows, changes, strict=True) if change is wanted]
        for wanted in (Change.INSERTED, Change.UPDATED)
    )
    if await insert_new(connection, documents, new) < len(new):
        raise _OvertakenError
    await overwrite(connection, documents, other)


async def _standing(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> Mapping[str, Document]:
    ids = [row["_id"] for row in rows]
    found = sa.select(_ID, documents.c.body).where(documents.c.collection == rows[0]["collection"], _ID.in_(ids))
    found = found.order_by(_ID).with_for_update().with_hint(documents, "FORCE INDEX (PRIMARY)", "mysql")
    return {id: from_json(body) for id, body in await connection.execute(found)}


def _change(document: Document, stored: Document | None) -> Change:
    if stored is None:
        return Change.INSERTED
    return Change.UNCHANGED if canonical(document) == canonical(stored) else Change.UPDATED


def _row(collection: str, document: Mapping[str, Any]) -> dict[str, Any]:
    body = to_json(document)
    if len(body) > MAX_CHARACTERS:
        raise RejectedError(f"the document {document['_id'][:80]!r} has {len(body)} characters of JSON")
    return {"collection": collection, "_id": document["_id"], "body": body}


async def _passed(database: MarketDatabase, collection: str, stages: Pipeline | list[Any]) -> AsyncIterator[Document]:
    async for page in _pages(database, collection):
        passed: Iterator[Document] = run(stages, page)
        for document in passed:
            yield document


async def _pages(database: MarketDatabase, collection: str) -> AsyncIterator[list[dict[str, Any]]]:
    statement = sa.select(_ID, documents.c.body).where(documents.c.collection == collection).order_by(_ID)
    after: sa.ColumnElement[bool] = sa.true()
    while True:
        async with database.read() as connection:
            rows = (await connection.execute(statement.where(after).limit(_BATCH))).all()
        yield [from_json(row.body) for row in rows]
        if len(rows) < _BATCH:
            return
        after = _ID.__gt__(rows[-1][0])
