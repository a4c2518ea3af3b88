"""What is needed of a Kafka record, taken while the client unpacks it.

aiokafka makes an object of eleven fields of each record, of which five are needed: a fifth of the way from Kafka to
MongoDB (decision 0038). What makes it belongs to the client's inner parts: where those are others, its records come
as ever, and become the same rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

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


def unpack_as_rows(consumer: AIOKafkaConsumer) -> None:
    """Let what the client fetches come as rows; it has been started."""
    with suppress(AttributeError):
        fetcher = consumer._fetcher
        fetcher._records = _Fetched(fetcher._records)


class _Fetched(OrderedDict[TopicPartition, Any]):
    """What the client has fetched and not handed out yet, by partition."""

    def __setitem__(self, key: TopicPartition, fetched: Any) -> None:
        unpacking: Any = getattr(fetched, "_partition_records", None)
        if hasattr(unpacking, "_consumer_record"):
            unpacking._consumer_record = _unpacked
        super().__setitem__(key, fetched)


def rows_of(records: Sequence[Row] | Sequence[ConsumerRecord]) -> Sequence[Row]:
    """What the client hands out; a tombstone is an empty message: a dead letter, not a hole."""
    if isinstance(records[0], tuple):
        return records
    return [_unpacked(None, record) for record in records]


def size_of(rows: Sequence[Row]) -> int:
    """The bytes of their values."""
    return sum(map(len, map(value_of, rows)))


def _unpacked(_: TopicPartition | None, record: Any) -> Row:
    return record.offset, record.value or b"", tuple(record.headers), record.timestamp, hash(record.key) % BUCKETS
