"""Records of one kind in one store: the repository knows the question, the adapter the dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Generic, TypeVar, cast

from storage.adapters.base import BaseAdapter, Rows
from storage.errors import RejectedError
from storage.outcomes import Reason, Result, rejected
from storage.packed import Item
from storage.records import Record
from storage.tables import Table

R = TypeVar("R", bound=Record)


class Repository(Generic[R]):
    """The records of one table, by symbol; candles by timeframe too.

    What may escape is what may escape from the adapter. A symbol or a timeframe that cannot be is a
    RejectedError at the call.
    """

    table: ClassVar[Table]

    def __init__(self, adapter: BaseAdapter) -> None:
        self._adapter = adapter

    async def write(self, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        """Write records of one collection with keys that are unique; the promise is that of `Sink.put`."""
        return await self._adapter.put(self.table, collection, records)

    async def insert(self, record: R) -> Result:
        """Write one record and say what became of it."""
        return (await self.insert_batch([record]))[0]

    async def insert_batch(self, records: Sequence[R]) -> list[Result]:
        """Write records of any collections, in their order where they share a key; the fate of each."""
        fates: dict[int, Result] = {}
        for collection, indexes in self._rounds(records, fates):
            written = await self.write(collection, [records[index] for index in indexes])
            fates.update(zip(indexes, written, strict=True))
        return [fates[index] for index in range(len(records))]

    def get_range(self, symbol: str, start: datetime, end: datetime, timeframe: str | None = None) -> AsyncIterator[R]:
        """The records from `start` (inclusive) to `end` (exclusive), ascending in time, streamed."""
        return self._records(self._adapter.query_range(self._collection(symbol, timeframe), start, end))

    async def get_latest(self, symbol: str, limit: int = 1, timeframe: str | None = None) -> list[R]:
        """The newest records, newest first."""
        documents = await self._adapter.query_latest(self._collection(symbol, timeframe), limit=limit)
        return [cast(R, self.table.to_record(document)) for document in documents]

    async def count(
        self,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
        timeframe: str | None = None,
    ) -> int:
        """How many records stand in the range."""
        return await self._adapter.get_record_count(self._collection(symbol, timeframe), start, end)

    async def ensure_indexes(self, symbol: str, timeframe: str | None = None) -> None:
        """Make the indexes that questions by time need; making them twice is harmless."""
        await self._adapter.ensure_indexes(self._collection(symbol, timeframe))

    def _collection(self, symbol: str, timeframe: str | None) -> str:
        try:
            return self.table.collection_of(symbol, timeframe)
        except ValueError as error:
            raise RejectedError(str(error)) from error

    async def _records(self, rows: Rows) -> AsyncIterator[R]:
        async for document in rows:
            yield cast(R, self.table.to_record(document))

    def _rounds(self, records: Sequence[R], fates: dict[int, Result]) -> Iterable[tuple[str, list[int]]]:
        """Writes of one collection and unique keys; records that cannot be written have their fate at once."""
        rounds: dict[tuple[str, int], list[int]] = {}
        turns: Counter[tuple[str, str]] = Counter()
        for index, record in enumerate(records):
            place = self._place(record)
            if isinstance(place, Result):
                fates[index] = place
                continue
            rounds.setdefault((place[0], turns[place]), []).append(index)
            turns[place] += 1
        return [(collection, indexes) for (collection, _), indexes in rounds.items()]

    def _place(self, record: R) -> tuple[str, str] | Result:
        """Collection and key of a record."""
        try:
            return self.table.collection(record), self.table.key(record)
        except ValueError as error:
            return rejected(Reason.INVALID_SYMBOL, str(error))
        except TypeError as error:
            return rejected(Reason.NOT_STORABLE, str(error))
