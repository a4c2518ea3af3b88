"""What is needed of a Kafka record, taken while the client unpacks it.

aiokafka makes an object of eleven fields of each record, of which five are needed, and hands it on through three
calls: a quarter of the way from Kafka to MongoDB (decision 0038). What does so belongs to the client's inner parts:
where those are others, its records come as ever, and become the same rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any
from weakref import ref

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from consumer.messages import RawHeaders

Row = tuple[int, bytes, RawHeaders, int | None, int]
"""Offset, value, headers, time and bucket of a record, which as a whole takes twice the memory.

The oldest have no time. Those of the same key have the same bucket, and so have all without a key.
"""
BUCKETS = 256  # Python keeps one object of each number that is smaller

offset_of: Callable[[Row], int] = itemgetter(0)
value_of: Callable[[Row], bytes] = itemgetter(1)
bucket_of: Callable[[Row], int] = itemgetter(4)


_FETCHED = ("getall", "check_assignment", "has_more", "_topic_partition", "_update_position")
_UNPACKING = ("_consumer_record", "_records", "next_fetch_offset")
"""The inner parts that are needed of what was fetched."""


def unpack_as_rows(consumer: AIOKafkaConsumer) -> None:
    """Let what the client fetches come as rows; it has been started."""
    with suppress(AttributeError):
        fetcher = consumer._fetcher
        fetcher._records = _Fetched(fetcher._records)


class _Fetched(OrderedDict[TopicPartition, Any]):
    """What the client has fetched and not handed out yet, by partition."""

    def __setitem__(self, key: TopicPartition, fetched: Any) -> None:
        unpacking: Any = getattr(fetched, "_partition_records", None)
        if _has(fetched, *_FETCHED) and _has(unpacking, *_UNPACKING):
            unpacking._records = _Batches(unpacking._records)
            unpacking._consumer_record = _itself
            fetched.getall = _Rest(fetched)
        super().__setitem__(key, fetched)


def _has(part: Any, *names: str) -> bool:
    return all(hasattr(part, name) for name in names)


class _Batches:
    """The batches of a fetch, each with one record: all of its rows."""

    def __init__(self, batches: Any) -> None:
        self.has_next = batches.has_next
        self._next = batches.next_batch

    def next_batch(self) -> _Batch:
        return _Batch(self._next())


class _Batch:
    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The record of a batch that says how a transaction ended."""
        return next(self._batch)

    def __iter__(self) -> Iterator[_Rows]:
        rows = _Rows(_unpacked(self._batch))
        return iter([rows] if rows else [])


class _Rows(list[Row]):
    """As the client asks a record: to know whether it was handed out before, and where the next fetch begins."""

    @property
    def offset(self) -> int:
        return offset_of(self[-1])


def _itself(_: TopicPartition, rows: _Rows) -> _Rows:
    return rows


class _Rest:
    """What is left of a fetch: hands it out as `FetchResult.getall` does, a batch at a time instead of a record."""

    def __init__(self, fetched: Any) -> None:
        self._of = ref(fetched)  # it refers to us, and the collector looks seldom
        self._rows: list[Row] = []
        self._next = 0
        self._ended = False

    def __call__(self, max_records: int) -> list[Row]:
        fetched: Any = self._of()
        if not fetched.check_assignment(fetched._topic_partition) or not fetched.has_more():
            return []
        unpacking = fetched._partition_records
        rows, self._rows = self._rows, []  # none stays when the unpacking fails: all of them are fetched again
        self._unpack(unpacking, rows, max_records)
        given, self._rows = rows[:max_records], rows[max_records:]
        unpacking.next_fetch_offset = offset_of(given[-1]) + 1 if self._rows else self._next
        fetched._update_position()
        if self._ended and not self._rows:
            fetched._partition_records = None
        return given

    def _unpack(self, unpacking: Any, into: list[Row], count: int) -> None:
        """As many as there are, up to so many and what is left of a batch."""
        while len(into) < count and not self._ended:
            first = unpacking.next_fetch_offset
            rows = next(unpacking, None)
            self._next = unpacking.next_fetch_offset
            if rows is None:
                self._ended = True
            else:  # a batch may begin before what was asked for
                into += rows if offset_of(rows[0]) >= first else [row for row in rows if offset_of(row) >= first]


def rows_of(records: Sequence[Row] | Sequence[ConsumerRecord]) -> Sequence[Row]:
    """What the client hands out; a tombstone is an empty message: a dead letter, not a hole."""
    if isinstance(records[0], tuple):
        return records
    return _unpacked(records)


def size_of(rows: Sequence[Row]) -> int:
    """The bytes of their values."""
    return sum(map(len, map(value_of, rows)))


def _unpacked(records: Iterable[Any]) -> list[Row]:
    return [
        (record.offset, record.value or b"", tuple(record.headers), record.timestamp, hash(record.key) % BUCKETS)
        for record in records
    ]
