"""The store that forgets: the honest twin of the real ones, for tests and for trying things out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from storage.adapters.base import BaseAdapter, Capability, Change, Document, Query, Rows
from storage.adapters.memory_letters import MemoryConflicts, MemoryDeadLetters
from storage.adapters.requests import (
    check_free,
    check_limit,
    check_range,
    is_market,
    question_asked,
    table_asked,
)
from storage.errors import DatabaseError, UnavailableError
from storage.outcomes import DUPLICATE, STALE, STORED, Reason, Result, conflict, rejected
from storage.queries import (
    Pipeline,
    check_documents,
    matches,
    parse_changes,
    parse_filter,
    parse_find,
    parse_pipeline,
    run,
    same_document,
)
from storage.records import Record
from storage.tables import Table
from storage.values import check


class MemoryAdapter(BaseAdapter):
    """Documents in dictionaries; they outlive `disconnect`, not the object.

    Tests make it fail: each write takes one error from `failures` and raises it, and waits while `gate`
    is clear.
    """

    capabilities = frozenset(Capability)

    def __init__(self, connection_string: str = "", *, max_collections: int = 5000) -> None:
        self.failures: list[DatabaseError] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.dead_letters = MemoryDeadLetters(self.ping, self.accept_write)
        self.conflicts = MemoryConflicts(self.ping, self.accept_write)
        self._max_collections = max_collections
        self._collections: dict[str, dict[str, Document]] = {}
        self._free: dict[str, dict[str, Document]] = {}
        self._connected = False

    async def connect(self) -> None:
        self._connected = True

    async def disconnect(self) -> None:
        self._connected = False

    async def ping(self) -> None:
        if not self._connected:
            raise UnavailableError("not connected: call connect() first")

    async def accept_write(self) -> None:
        """Wait for the gate; raise the next of `failures`."""
        await self.ping()
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)

    async def _put(self, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        await self.accept_write()
        if collection not in self._collections and len(self._collections) >= self._max_collections:
            return [rejected(Reason.SYMBOL_LIMIT, f"{self._max_collections} collections are there")] * len(records)
        documents = self._collections.setdefault(collection, {})
        return [_put_one(table, documents, record) for record in records]

    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        table_asked(collection)
        check_range(start, end)
        return Rows(self._stream(collection, start, end, symbol))

    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        check_limit(limit)
        return (await self._select(collection, None, None, symbol))[: -limit - 1 : -1]

    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        return len(await self._select(collection, start, end, symbol))

    async def ensure_indexes(self, collection: str) -> None:
        await self.ping()
        table_asked(collection)

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        found = await self._select(collection, start, end, symbol)
        for document in found:
            del self._collections[collection][document["_id"]]
        return len(found)

    async def list_collections(self) -> list[str]:
        await self.ping()
        return sorted(filter(is_market, self._collections))

    def find(
        self,
        collection: str,
        filter: Query | None = None,
        *,
        projection: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> Rows:
        table = question_asked(collection)
        return Rows(self._answer(collection, parse_find(table, filter, projection, sort, limit)))

    def aggregate(self, collection: str, pipeline: Sequence[Query]) -> Rows:
        return Rows(self._answer(collection, parse_pipeline(question_asked(collection), pipeline)))

    async def update(self, collection: str, filter: Query, changes: Mapping[str, Any]) -> int:
        table = table_asked(collection)
        where, new = parse_filter(table, filter), parse_changes(table, changes)
        await self.accept_write()
        documents = self._held(collection)
        found = [document for document in documents.values() if matches(where, document)]
        changed = [(document, _changed(document, new)) for document in found]
        documents.update({after["_id"]: after for before, after in changed if after != before})
        return sum(after != before for before, after in changed)

    async def delete(self, collection: str, filter: Query) -> int:
        where = parse_filter(question_asked(collection), filter)
        await self.accept_write()
        documents = self._held(collection)
        found = [key for key, document in documents.items() if matches(where, document)]
        for key in found:
            del documents[key]
        return len(found)

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        check_free(collection)
        new = {document["_id"]: document for document in check_documents(documents)}
        await self.accept_write()
        stored = self._held(collection)
        fates = [_change(stored.get(id), document) for id, document in new.items()]
        if not dry_run:
            self._free.setdefault(collection, {}).update(new)
        return fates

    async def _answer(self, collection: str, pipeline: Pipeline) -> AsyncIterator[Document]:
        await self.ping()
        for document in run(pipeline, list(self._held(collection).values())):
            yield deepcopy(document)

    def _held(self, collection: str) -> dict[str, Document]:
        return self._collections.get(collection) or self._free.get(collection, {})

    async def _stream(
        self, collection: str, start: datetime, end: datetime, symbol: str | None
    ) -> AsyncIterator[Document]:
        for document in await self._select(collection, start, end, symbol):
            yield document

    async def _select(
        self, collection: str, start: datetime | None, end: datetime | None, symbol: str | None
    ) -> list[Document]:
        await self.ping()
        table_asked(collection)
        check_range(start, end)
        found = [
            document
            for document in self._collections.get(collection, {}).values()
            if (symbol is None or document["symbol"] == symbol)
            and (start is None or start <= document["timestamp"])
            and (end is None or document["timestamp"] < end)
        ]
        return sorted(found, key=lambda document: document["timestamp"])


def _changed(document: Document, new: Mapping[str, Any]) -> Document:
    after = {**document, **new}
    return {name: value for name, value in after.items() if value is not None}


def _change(stored: Document | None, document: Document) -> Change:
    if stored is None:
        return Change.INSERTED
    return Change.UNCHANGED if same_document(stored, document) else Change.UPDATED


def _put_one(table: Table, documents: dict[str, Document], record: Record) -> Result:
    try:
        check(table, record)
        key = table.key(record)
    except (ValueError, TypeError, OverflowError) as error:
        return rejected(Reason.NOT_STORABLE, str(error))
    if key not in documents:
        documents[key] = table.to_document(record)
        return STORED
    return _put_again(table, documents, key, record)


def _put_again(table: Table, documents: dict[str, Document], key: str, record: Record) -> Result:
    stored = documents[key]
    if table.same_content(record, stored):
        return DUPLICATE
    known, incoming = table.version_of(table.to_record(stored)), table.version_of(record)
    if known == incoming:
        return conflict(stored)
    if known > incoming:
        return STALE
    documents[key] = table.to_document(record)
    return STORED
