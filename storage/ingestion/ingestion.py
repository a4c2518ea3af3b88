"""Documents on their way into one collection: keyed, gathered, written, and each accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.adapters.base import BaseAdapter, Change
from storage.adapters.requests import check_free
from storage.errors import DatabaseError, RejectedError
from storage.ingestion.keys import content_hash, keyed
from storage.ingestion.results import Failure, IngestResult


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    document: dict[str, Any]


class Ingestion:
    """Upserts documents into a free collection of a connected store.

    What one document is refused for leaves the others alone. When the store is lost, the documents of
    that batch and all that follow have failed, each by name: nothing is tried again here.
    Raises RejectedError for a name that cannot be a collection of documents.
    """

    def __init__(
        self,
        adapter: BaseAdapter,
        collection: str,
        *,
        unique_fields: Sequence[str] = (),
        batch_size: int = 1000,
        dry_run: bool = False,
    ) -> None:
        check_free(collection)
        self.read = 0
        self._adapter = adapter
        self._collection = collection
        self._unique_fields = tuple(unique_fields)
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._batch: dict[str, _Entry] = {}
        self._changes: Counter[Change] = Counter()
        self._failures: list[Failure] = []
        self._lost = ""
        self._tried: dict[str, str] = {}

    async def add(self, document: object) -> None:
        """Take one document; now and then this writes a batch."""
        index = self._next_index()
        try:
            entry = _Entry(index, keyed(document, self._unique_fields))
        except RejectedError as error:
            self._failures.append(Failure(index, str(error)))
            return
        # Two documents of one key are two writes, in their order.
        if (key := entry.document["_id"]) in self._batch or len(self._batch) == self._batch_size:
            await self._flush()
        self._batch[key] = entry

    def add_unreadable(self, reason: str) -> None:
        """Take note of a document that could not even be read."""
        self._failures.append(Failure(self._next_index(), reason))

    async def end(self) -> IngestResult:
        """Write what is left and say what became of everything."""
        await self._flush()
        return IngestResult(
            read=self.read,
            inserted=self._changes[Change.INSERTED],
            updated=self._changes[Change.UPDATED],
            unchanged=self._changes[Change.UNCHANGED],
            errors=tuple(sorted(self._failures)),
            dry_run=self._dry_run,
        )

    def _next_index(self) -> int:
        self.read += 1
        return self.read - 1

    async def _flush(self) -> None:
        entries, self._batch = list(self._batch.values()), {}
        if self._lost:
            self._fail(entries, f"not tried, for the store was lost: {self._lost}")
        elif entries:
            await self._write(entries)

    async def _write(self, entries: Sequence[_Entry]) -> None:
        documents = [entry.document for entry in entries]
        try:
            changes = await self._adapter.replace(self._collection, documents, dry_run=self._dry_run)
        except RejectedError as error:
            await self._write_one_by_one(entries, error)
        except DatabaseError as error:
            self._lost = str(error)
            self._fail(entries, f"not known to be written: {error}")
        else:
            self._changes.update(self._as_if_written(documents, changes) if self._dry_run else changes)

    async def _write_one_by_one(self, entries: Sequence[_Entry], error: RejectedError) -> None:
        """Find out whom the store meant."""
        if len(entries) == 1:
            self._fail(entries, str(error))
            return
        for entry in entries:
            if self._lost:
                self._fail([entry], f"not tried, for the store was lost: {self._lost}")
            else:
                await self._write([entry])

    def _fail(self, entries: Sequence[_Entry], reason: str) -> None:
        self._failures.extend(Failure(entry.index, reason) for entry in entries)

    def _as_if_written(self, documents: Sequence[dict[str, Any]], changes: Sequence[Change]) -> list[Change]:
        """What a dry run found, knowing what it would have written before."""
        return [self._as_if(document, change) for document, change in zip(documents, changes, strict=True)]

    def _as_if(self, document: dict[str, Any], change: Change) -> Change:
        content = content_hash(document)
        before = self._tried.get(document["_id"])
        self._tried[document["_id"]] = content
        if before is None:
            return change
        return Change.UNCHANGED if before == content else Change.UPDATED
