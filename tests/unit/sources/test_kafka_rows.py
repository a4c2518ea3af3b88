"""Rows that the client unpacks itself are those that its records would become."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchError, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from consumer.sources.kafka_partition import Partition, PartitionChannel
from consumer.sources.kafka_rows import BUCKETS, Row, rows_of, unpack_as_rows

KEY = TopicPartition("market-data", 0)
FIRST = 40
TIME_MS = 1_700_000_000_000
BUCKET = hash(b"k") % BUCKETS
HEADERS = [("traceparent", b"00-1"), ("empty", None)]
CONTROL, ABORT = 0x20, b"\0\0\0\0"  # a bit of the attributes; version 0, type 0

Record = tuple[bytes | None, bytes | None, Any]
RECORDS: list[Record] = [(b"k", b"trade", []), (b"k", None, []), (b"k", b"", []), (None, b"depth", HEADERS)]
END: Record = (ABORT, b"\0" * 6, [])


class Batch(NamedTuple):
    """Records as a producer sent them; `gaps` offsets after the last one were removed by compaction."""

    records: Sequence[Record]
    producer: int = -1
    gaps: int = 0
    control: bool = False

    def bytes(self, first: int) -> bytes:
        """As a broker answers them (https://kafka.apache.org/documentation/#recordbatch)."""
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=0, is_transactional=self.producer >= 0, producer_id=self.producer,
            producer_epoch=0, base_sequence=0, batch_size=10_000,
        )  # fmt: skip
        for place, (key, value, headers) in enumerate(self.records):
            builder.append(place, TIME_MS + place, key=key, value=value, headers=headers)
        batch = bytearray(builder.build())
        batch[:8] = first.to_bytes(8)  # a broker writes where the batch begins; its checksum is of what follows
        batch[22] |= CONTROL if self.control else 0
        batch[23:27] = (len(self.records) - 1 + self.gaps).to_bytes(4)
        batch[17:21] = calc_crc32c(memoryview(batch)[21:]).to_bytes(4)
        return bytes(batch)


def fetched(batches: Sequence[Batch]) -> bytes:
    answer, first = b"", FIRST
    for batch in batches:
        answer += batch.bytes(first)
        first += len(batch.records) + batch.gaps
    return answer


class Client:
    """What the client holds of a partition after a fetch, in its own objects."""

    def __init__(self, answer: bytes = fetched([Batch(RECORDS)]), position: int = FIRST) -> None:
        aborted = [(each, FIRST) for each in range(2)]
        unpacking = PartitionRecords(KEY, MemoryRecords(answer), aborted, position, None, None, True, READ_COMMITTED)
        self.state = SimpleNamespace(paused=False, position=position, consumed_to=self.consumed_to)
        assignment = SimpleNamespace(active=True, state_value=lambda _: self.state)
        self.fetched = FetchResult(KEY, assignment=assignment, partition_records=unpacking, backoff=0)
        self._fetcher = SimpleNamespace(_records=OrderedDict())

    def fetch(self) -> None:
        self._fetcher._records[KEY] = self.fetched
        self._fetcher._records["other"] = FetchError(error=None, backoff=0)

    def consumed_to(self, offset: int) -> None:
        self.state.position = offset


def unpacking(answer: bytes, position: int = FIRST) -> Client:
    """The same, told to unpack rows."""
    client = Client(answer, position)
    unpack_as_rows(client)
    client.fetch()
    return client


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int]:
    """What a broker answers, and an offset in the first batch of it that was asked for.

    Of producers of which two aborted, with the marker of that or without, and of one that did not.
    """
    records = st.lists(st.sampled_from(RECORDS), min_size=1, max_size=6)
    batch = st.builds(Batch, records, st.integers(-1, 2), st.integers(0, 3), st.just(False))
    marker = st.builds(Batch, st.just([END]), st.integers(0, 2), st.integers(0, 3), st.just(True))
    batches = draw(st.lists(batch | marker, min_size=1, max_size=8))
    return fetched(batches), FIRST + draw(st.integers(0, len(batches[0].records) + batches[0].gaps - 1))


@given(answers(), st.integers(1, 9))
def test_rows_come_as_records_would(answer: tuple[bytes, int], most: int) -> None:
    plain, client = Client(*answer), unpacking(*answer)
    while client.fetched.has_more():
        records, rows = plain.fetched.getall(most), client.fetched.getall(most)
        assert rows == (rows_of(records) if records else [])
        assert client.state.position == plain.state.position
        assert client.fetched.has_more() == plain.fetched.has_more()


def test_a_seek_forgets_what_is_left() -> None:
    client = unpacking(fetched([Batch(RECORDS), Batch(RECORDS)]))
    assert len(client.fetched.getall(1)) == 1
    client.state.position = FIRST
    assert client.fetched.getall(1) == []
    assert not client.fetched.has_more()


def test_what_is_corrupt_is_fetched_again_from_where_the_last_row_was_given() -> None:
    answer = bytearray(fetched([Batch(RECORDS), Batch(RECORDS)]))
    answer[-1] ^= 1
    client = unpacking(bytes(answer))
    assert len(client.fetched.getall(3)) == 3
    with pytest.raises(CorruptRecordException):
        client.fetched.getall(3)
    assert client.state.position == FIRST + 3
    assert client.fetched.getall(3) == []
    assert not client.fetched.has_more()
    assert client.state.position == FIRST + 3


def test_a_seek_to_what_is_corrupt_gives_nothing_of_before() -> None:
    answer = bytearray(fetched([Batch(RECORDS), Batch(RECORDS)]))
    answer[-1] ^= 1
    client = unpacking(bytes(answer))
    with pytest.raises(CorruptRecordException):
        client.fetched.getall(9)
    client.state.position = FIRST + len(RECORDS)
    assert client.fetched.getall(9) == []
    assert client.state.position == FIRST + len(RECORDS)


def test_rows_are_those_of_records() -> None:
    plain, client = Client(), Client()
    unpack_as_rows(client)
    client.fetch()
    records: list[ConsumerRecord[Any, Any]] = plain.fetched.getall(9)
    rows: list[Row] = client.fetched.getall(9)
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
    assert [row[0] for row in client.fetched.getall(9)] == [40, 41, 42, 43]
    assert list(client._fetcher._records) == [KEY, "other"]


def test_a_record_of_the_oldest_format_has_no_time() -> None:
    rows = rows_of([SimpleNamespace(offset=1, value=b"trade", headers=[], timestamp=None, key=None)])
    (delivery,) = PartitionChannel(Partition(KEY, 1), SimpleNamespace()).deliveries(rows)
    assert delivery.message.time_ms is None


def test_a_client_with_other_inner_parts_is_left_alone() -> None:
    unpack_as_rows(SimpleNamespace())
    client = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))
    unpack_as_rows(client)
    client._fetcher._records[KEY] = SimpleNamespace(_partition_records=SimpleNamespace(_consumer_record=None))
    assert list(client._fetcher._records) == [KEY]
