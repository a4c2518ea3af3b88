"""Rows that the client unpacks itself are those that its records would become."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from consumer.sources.kafka_partition import Partition, PartitionChannel
from consumer.sources.kafka_rows import BUCKETS, Row, _unpacked, rows_of, unpack_as_rows

KEY = TopicPartition("market-data", 0)
FIRST = 40
TIME_MS = 1_700_000_000_000
VALUES = [b"trade", None, b"", b"depth"]
BUCKET = hash(b"k") % BUCKETS
HEADERS = [("traceparent", b"00-1"), ("empty", None)]


class Client:
    """What the client holds of a partition after a fetch, in its own objects."""

    def __init__(self) -> None:
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=10_000,
        )  # fmt: skip
        for place, value in enumerate(VALUES):
            builder.append(
                place,
                TIME_MS + place,
                key=b"k" if place < 3 else None,
                value=value,
                headers=HEADERS if place == 3 else [],
            )
        batch = bytearray(builder.build())
        batch[:8] = FIRST.to_bytes(8)  # a broker writes where the batch begins; its checksum is of what follows
        unpacking = PartitionRecords(KEY, MemoryRecords(bytes(batch)), [], FIRST, None, None, True, 0)
        self.state = SimpleNamespace(paused=False, position=FIRST, consumed_to=self.consumed_to)
        assignment = SimpleNamespace(active=True, state_value=lambda _: self.state)
        self.fetched = FetchResult(KEY, assignment=assignment, partition_records=unpacking, backoff=0)
        self._fetcher = SimpleNamespace(_records=OrderedDict())

    def fetch(self) -> None:
        self._fetcher._records[KEY] = self.fetched
        self._fetcher._records["other"] = FetchError(error=None, backoff=0)

    def consumed_to(self, offset: int) -> None:
        self.state.position = offset


def test_rows_are_those_of_records() -> None:
    plain, client = Client(), Client()
    unpack_as_rows(client)
    client.fetch()
    records: list[ConsumerRecord[Any, Any]] = plain.fetched.getall()
    rows: list[Row] = client.fetched.getall()
    assert isinstance(records[0], ConsumerRecord)
    assert rows == rows_of(rows) == rows_of(records)
    assert rows == [
        (40, b"trade", (), TIME_MS, BUCKET),
        (41, b"", (), TIME_MS + 1, BUCKET),
        (42, b"", (), TIME_MS + 2, BUCKET),
        (43, b"depth", tuple(HEADERS), TIME_MS + 3, hash(None) % BUCKETS),
    ]
    assert client.state.position == plain.state.position == 44


def test_what_was_fetched_before_comes_as_rows_too() -> None:
    client = Client()
    client.fetch()
    unpack_as_rows(client)
    assert [row[0] for row in client.fetched.getall()] == [40, 41, 42, 43]
    assert list(client._fetcher._records) == [KEY, "other"]


def test_a_record_of_the_oldest_format_has_no_time() -> None:
    row = _unpacked(KEY, SimpleNamespace(offset=1, value=b"trade", headers=[], timestamp=None, key=None))
    (delivery,) = PartitionChannel(Partition(KEY, 1), SimpleNamespace()).deliveries([row])
    assert delivery.message.time_ms is None


def test_a_client_with_other_inner_parts_is_left_alone() -> None:
    unpack_as_rows(SimpleNamespace())
    client = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))
    unpack_as_rows(client)
    client._fetcher._records[KEY] = SimpleNamespace(_partition_records=iter([]))
    assert list(client._fetcher._records) == [KEY]
