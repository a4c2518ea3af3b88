"""What the database can take from one client: documents that were encoded before the clock starts."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from benchmarks.spans import Sample, Span, between
from benchmarks.stores import DURABLE, MongoDB
from benchmarks.trades import Documents

BATCH = 2000
IN_FLIGHT = 4

Batches = Iterator[tuple[str, list[RawBSONDocument]]]


def insert(store: MongoDB, documents: Documents, in_flight: int = IN_FLIGHT) -> Span:
    """Insert everything by collection, so many batches at the same time."""
    store.make_collections(documents)
    gc.collect()
    gc.freeze()
    try:
        return asyncio.run(_insert_all(store, documents, in_flight))
    finally:
        gc.unfreeze()


async def _insert_all(store: MongoDB, documents: Documents, in_flight: int) -> Span:
    batches = _batches(documents)
    async with AsyncMongoClient[Any](store.uri) as client:
        await client.aconnect()
        database = client.get_database(store.name, write_concern=DURABLE)
        first = sample(0)
        written = await asyncio.gather(*(_insert(database, batches) for _ in range(in_flight)))
        return between(first, sample(sum(written)))


def _batches(documents: Documents) -> Batches:
    """The collections in turn, as they come from a bus."""
    for start in range(0, max(map(len, documents.values())), BATCH):
        for name, all_of_it in documents.items():
            if batch := all_of_it[start : start + BATCH]:
                yield name, batch


async def _insert(database: AsyncDatabase[Any], batches: Batches) -> int:
    written = 0
    for name, batch in batches:
        await database[name].insert_many(batch, ordered=False)
        written += len(batch)
    return written


def sample(messages: int) -> Sample:
    """This process, now."""
    return Sample(time.perf_counter(), messages, time.process_time())
