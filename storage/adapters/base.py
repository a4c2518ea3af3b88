"""The seams of the storage layer: what an adapter is asked, what it promises, what may escape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from storage.adapters.requests import refusals
from storage.errors import ConflictError, RejectedError, TransientError, UnsupportedQuery
from storage.letters import Conflict, DeadLetter
from storage.observer import SILENT, AdapterMetrics, Observer
from storage.outcomes import Outcome, Reason, Result
from storage.packed import NO_PACKS, Item, Packs
from storage.records import Record
from storage.tables import TABLE_OF, Table

Query = Mapping[str, Any]
"""A filter or a stage as a caller writes it; `storage.queries` checks it before any store sees it."""

Document = Mapping[str, Any]
"""`_id`, then the columns of a table as Python values: Decimal, aware UTC datetime, int, bool, str,
and levels as a tuple of (price, quantity) tuples. Absent fields are absent."""


class Rows:
    """Documents that stream: `async for` reads them one by one, `await` gathers them into a list."""

    def __init__(self, documents: AsyncIterator[Document]) -> None:
        self._documents = documents

    def __aiter__(self) -> AsyncIterator[Document]:
        return self._documents

    def __await__(self) -> Generator[Any, None, list[Document]]:
        return self._collect().__await__()

    async def _collect(self) -> list[Document]:
        return [document async for document in self._documents]


class Sink(Protocol):
    """Where batches end: the one thing that the pipeline knows of a store."""

    async def put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        """Write records of one collection and say what became of each, in their order.

        STORED, DUPLICATE, STALE and CONFLICT are durable when this returns (majority-acknowledged and
        journaled, or synced to disk). Keys are unique within `records`. Writing the same records again
        leaves the same state. Raises TransientError or OperatorError when the fate of none is known.
        Of versioned records a server may only tell how many it replaced: then the numbers of STORED and
        DUPLICATE are right, and which is which among those that stand in the store is not known.
        """
        ...


class DeadLetters(ABC):
    """The letters of one store. A letter that was put twice is one letter with two attempts."""

    @abstractmethod
    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep all letters durably, or raise TransientError or OperatorError.

        A letter that is there already keeps `first_seen`, counts one more attempt and takes the newer
        reason, error and `last_seen`.
        """

    @abstractmethod
    def find(
        self,
        *,
        ids: Sequence[str] = (),
        reason: Reason | None = None,
        source: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[DeadLetter]:
        """The letters that match, oldest `first_seen` first; no limit is 0."""

    @abstractmethod
    async def count(self) -> Mapping[Reason, int]:
        """How many letters there are for each reason."""

    @abstractmethod
    async def mark_replayed(self, ids: Sequence[str], when: datetime) -> None:
        """Note that these letters went through the pipeline again."""

    @abstractmethod
    async def delete(self, ids: Sequence[str]) -> int:
        """Remove letters; returns how many there were."""


class Conflicts(ABC):
    """The conflicts of one store. The same conflict put twice is one."""

    @abstractmethod
    async def put(self, conflicts: Sequence[Conflict]) -> None:
        """Keep all conflicts durably, or raise TransientError or OperatorError."""

    @abstractmethod
    def find(self, *, collection: str | None = None, limit: int = 0) -> AsyncIterator[Conflict]:
        """The conflicts, oldest first; no limit is 0."""


class Capability(StrEnum):
    """What a store may be unable to do; it then says so by UnsupportedQuery, never by a wrong answer."""

    FIND = "find"
    AGGREGATE = "aggregate"
    UPDATE = "update"
    DELETE = "delete"
    DOCUMENTS = "replace"


class Change(StrEnum):
    """What became of one document of `replace`."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class IndexChange:
    """An index that was there with other options than it should have, and was changed."""

    collection: str
    index: str
    was: Mapping[str, Any]
    now: Mapping[str, Any]


class BaseAdapter(ABC):
    """A database of collections, one for each kind and symbol, and of free documents beside them.

    Times are aware UTC, numbers exact. Every method may raise a DatabaseError and nothing else: see
    `storage.errors` for what each one asks of the caller. A name that is no market collection is a
    collection of free documents: `[a-z][a-z0-9_]{0,62}`, read and written by `replace`, `find`, `delete`
    and `aggregate` only.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    observer: Observer = SILENT
    index_changes: Sequence[IndexChange] = ()
    """It only grows. An index with other options is never kept silently."""
    dead_letters: DeadLetters
    conflicts: Conflicts
    risks: Sequence[str] = ()
    """How acknowledged writes may be lost here all the same; known once it is connected."""
    packs: Packs = NO_PACKS
    """What it takes instead of plain records, where whoever decodes makes it at once."""

    @abstractmethod
    async def connect(self) -> None:
        """Open the store and see that it answers; raises UnavailableError or OperatorError."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Let go of everything; safe to call twice."""

    @abstractmethod
    async def ping(self) -> None:
        """See that the store answers; raises UnavailableError or OperatorError."""

    async def put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        """Write records of one collection; the promise is that of `Sink.put`. Records of another one are rejected."""
        refused = refusals(table, collection, records)
        own = [record for place, record in enumerate(records) if place not in refused] if refused else records
        fates = await self._put(table, collection, own) if own else []
        if not refused:
            return fates
        written = iter(fates)
        return [refused[place] if place in refused else next(written) for place in range(len(records))]

    @abstractmethod
    async def _put(self, table: Table, collection: str, records: Sequence[Any]) -> Sequence[Result]:
        """Write records, at least one, that belong to this collection; for `put`, which has looked.

        They are plain ones, and what the adapter's own `packs` made.
        """

    @abstractmethod
    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        """The documents from `start` (inclusive) to `end` (exclusive), ascending in time, streamed."""

    @abstractmethod
    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        """The newest documents, newest first."""

    @abstractmethod
    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        """How many documents stand in the range."""

    @abstractmethod
    async def ensure_indexes(self, collection: str) -> None:
        """Make the indexes that questions by time need; making them twice is harmless."""

    @abstractmethod
    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        """Remove the documents of the range; returns how many there were."""

    async def retain(self, collection: str) -> None:  # noqa: B027 - most stores cannot
        """See that a store which removes what is too old by itself does so for this collection, as it is set."""

    @abstractmethod
    async def list_collections(self) -> list[str]:
        """The names of the collections that hold market data, sorted."""

    def find(
        self,
        collection: str,
        filter: Query | None = None,
        *,
        projection: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> Rows:
        """The documents that match, streamed; see docs/storage.md for the language.

        `projection` names the fields to keep (none: all), `sort` pairs of field and 1 or -1. Raises
        UnsupportedQuery for an operator outside the language, RejectedError for a value of the wrong type.
        """
        raise self.unable(Capability.FIND)

    def aggregate(self, collection: str, pipeline: Sequence[Query]) -> Rows:
        """The documents that the stages make of a collection, one after the other; raises as `find` does."""
        raise self.unable(Capability.AGGREGATE)

    async def update(self, collection: str, filter: Query, changes: Mapping[str, Any]) -> int:
        """Set fields of the documents that match; None removes one. Returns how many documents changed.

        Raises RejectedError for a field that is part of the key, or a value of the wrong type.
        """
        raise self.unable(Capability.UPDATE)

    async def delete(self, collection: str, filter: Query) -> int:
        """Remove the documents that match; returns how many there were."""
        raise self.unable(Capability.DELETE)

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        """Write free documents by `_id`, whole, and say of each what that changed, in their order.

        `_id`s are text and unique within `documents`; values are what JSON can say, and Decimal, datetime and
        bytes. With `dry_run` nothing is written. Raises RejectedError for a document that cannot be kept.
        """
        raise self.unable(Capability.DOCUMENTS)

    async def metrics(self) -> AdapterMetrics:
        """What the store says of itself now."""
        return AdapterMetrics()

    def unable(self, capability: Capability) -> UnsupportedQuery:
        """The error that says what this store cannot do."""
        return UnsupportedQuery(f"{type(self).__name__} cannot {capability}")

    async def write(self, records: Sequence[Record], collection: str) -> int:
        """Write records of one collection; returns how many were new. Raises for any that failed."""
        if not records:
            return 0
        results = await self.put(TABLE_OF[type(records[0])], collection, records)
        return count_stored(results)

    async def write_batch(self, records: Sequence[Record], collection: str, batch_size: int = 1000) -> int:
        """Write many records in parts of `batch_size`; returns how many were new."""
        parts = range(0, len(records), batch_size)
        return sum([await self.write(records[part : part + batch_size], collection) for part in parts])

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()


def count_stored(results: Sequence[Result]) -> int:
    """How many records were new; raises the error of the first that was not written."""
    for result in results:
        match result.outcome:
            case Outcome.REJECTED:
                raise RejectedError(f"{result.reason}: {result.error}")
            case Outcome.CONFLICT:
                raise ConflictError(f"the key holds other content: {result.stored}")
            case Outcome.RETRY:
                raise TransientError(result.error)
    return sum(result.outcome is Outcome.STORED for result in results)
