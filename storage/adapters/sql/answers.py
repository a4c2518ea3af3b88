"""Questions about market data and what the database answers, in documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import sqlalchemy as sa

from storage.adapters.base import Document
from storage.adapters.sql.database import PAGE, PATIENCE_SECONDS, MarketDatabase
from storage.adapters.sql.groups import Grouping
from storage.adapters.sql.plans import Plan
from storage.adapters.sql.slices import Condition, Slice, document_of
from storage.queries import Filter, Group, Pipeline, run

DELETED_AT_ONCE = 5000


async def answer(database: MarketDatabase, slice: Slice, pipeline: Pipeline) -> AsyncIterator[Document]:
    """What the stages make of a slice. The database answers up to the first `$group`; what comes after it is
    reckoned here from the groups, of which there are few."""
    plan = Plan(slice, database.dialect)
    for number, stage in enumerate(pipeline):
        if isinstance(stage, Group):
            async for document in _grouped(database, Grouping(plan, stage), pipeline[number + 1 :]):
                yield document
            return
        plan.add(stage)
    rows = database.stream(plan.statement()) if plan.order else _pages(database, slice, plan)
    async for row in rows:
        yield document_of(plan.names, row[: len(plan.names)])


async def in_range(database: MarketDatabase, slice: Slice, where: Condition) -> AsyncIterator[Document]:
    """The documents of a slice, ascending in time."""
    async for row in _by_time(database, slice, slice.columns, where):
        yield document_of(slice.names, row[: len(slice.names)])


async def latest(database: MarketDatabase, slice: Slice, where: Condition, limit: int) -> list[Document]:
    """The newest documents of a slice, newest first."""
    newest_first = (slice.rows.c.timestamp.desc(), slice.rows.c["_id"].desc())
    statement = sa.select(*slice.columns).where(slice.where, where).order_by(*newest_first).limit(limit)
    async with database.read() as connection:
        return [document_of(slice.names, row) for row in await connection.execute(statement)]


async def count(database: MarketDatabase, slice: Slice, where: Condition) -> int:
    """How many documents of a slice there are."""
    statement = sa.select(sa.func.count()).select_from(slice.rows).where(slice.where, where)
    async with database.read(PATIENCE_SECONDS) as connection:
        return int(await connection.scalar(statement) or 0)


async def delete(database: MarketDatabase, slice: Slice, where: Condition) -> int:
    """Remove documents of a slice, so many in a transaction that none is large; returns how many there were."""
    some = sa.select(slice.rows.c["_id"]).where(slice.where, where).limit(DELETED_AT_ONCE)
    deleted, keys = 0, [""] * DELETED_AT_ONCE
    while len(keys) == DELETED_AT_ONCE:
        async with database.write(PATIENCE_SECONDS) as connection:
            keys = list(await connection.scalars(some))
            if keys:
                gone = await connection.execute(sa.delete(slice.rows).where(slice.keyed(keys), where))
                deleted += gone.rowcount
    return deleted


async def update(database: MarketDatabase, slice: Slice, filter: Filter, changes: Mapping[str, Any]) -> int:
    """Set fields of the documents that match and are not so already; returns how many."""
    plan = Plan(slice, database.dialect)
    matching = sa.and_(slice.where, plan.condition(filter))
    others = sa.or_(*(plan.differs(name, value) for name, value in changes.items()))
    async with database.write(PATIENCE_SECONDS) as connection:
        changed = await connection.execute(sa.update(slice.rows).where(matching, others).values(dict(changes)))
        return changed.rowcount


def condition(database: MarketDatabase, slice: Slice, filter: Filter) -> Condition:
    """A filter of the rows of a slice's kind."""
    return Plan(slice, database.dialect).condition(filter)


async def _grouped(database: MarketDatabase, grouping: Grouping, after: Pipeline) -> AsyncIterator[Document]:
    rows = database.stream(grouping.statement())
    if not after:
        async for row in rows:
            yield grouping.document(row)
        return
    groups = [grouping.document(row) async for row in rows]
    for document in run(after, groups):
        yield document


async def _pages(database: MarketDatabase, slice: Slice, plan: Plan) -> AsyncIterator[sa.Row[Any]]:
    if plan.is_nested:
        async for row in database.stream(plan.statement()):
            yield row
        return
    columns = [slice.rows.c[name] for name in plan.names]
    async for row in _by_time(database, slice, columns, plan.where, plan.count):
        yield row


async def _by_time(
    database: MarketDatabase, slice: Slice, columns: list[sa.Column[Any]], where: Condition, limit: int | None = None
) -> AsyncIterator[sa.Row[Any]]:
    """Rows in pages that follow each other by time and key: who reads slowly holds no connection."""
    time, key = slice.rows.c.timestamp, slice.rows.c["_id"]
    statement = sa.select(*columns, time.label("at"), key.label("key")).where(slice.where, where).order_by(time, key)
    after: Condition = sa.true()
    left = PAGE if limit is None else limit
    while left > 0:
        async with database.read(PATIENCE_SECONDS) as connection:
            rows = (await connection.execute(statement.where(after).limit(min(PAGE, left)))).all()
        for row in rows:
            yield row
        if len(rows) < min(PAGE, left):
            return
        after = sa.and_(time >= rows[-1].at, sa.or_(time > rows[-1].at, key > rows[-1].key))
        left -= 0 if limit is None else len(rows)
