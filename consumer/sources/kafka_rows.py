"""What is needed of a Kafka record, taken while the client unpacks it.

aiokafka makes an object of eleven fields of each record, of which four are needed: a fifth of the way from Kafka to
MongoDB (decision 0038). What makes it belongs to the client's inner parts: where those are others, its records come
as ever, and become the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter, itemgetter
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from consumer.messages import RawHeaders

Row = tuple[int, bytes, RawHeaders, int | None]
"""Offset, value, headers and time of a record, which as a whole takes twice the memory; the oldest have no time."""

_row: Callable[[ConsumerRecord], Row] = attrgetter("offset", "value", "headers", "timestamp")
offset_of: Callable[[Row], int] = itemgetter(0)
value_of: Callable[[Row], bytes] = itemgetter(1)


def unpack_as_rows(consumer: AIOKafkaConsumer) -> None:
    """Let all that the client has fetched until now, and has not handed out, come as rows."""
    with suppress(AttributeError):
        for fetched in consumer._fetcher._records.values():
            unpacking = getattr(fetched, "_partition_records", None)
            if unpacking is not None:
                unpacking._consumer_record = _unpacked


def rows_of(records: Sequence[Row] | Sequence[ConsumerRecord]) -> Sequence[Row]:
    """What the client hands out; a tombstone is an empty message: a dead letter, not a hole."""
    if isinstance(records[0], tuple):
        return records
    rows = list(map(_row, records))
    if all(map(value_of, rows)):
        return rows
    return [(offset, value or b"", headers, time_ms) for offset, value, headers, time_ms in rows]


def _unpacked(_: TopicPartition, record: Any) -> Row:
    return record.offset, record.value or b"", tuple(record.headers), record.timestamp
