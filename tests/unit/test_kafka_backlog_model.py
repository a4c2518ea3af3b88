"""The backlog against a plain model: whatever is sorted, dropped or taken in parts, nothing is lost or doubled.

And nothing of one key of one partition is overtaken.
"""

from __future__ import annotations

from aiokafka import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumer.sources.kafka_backlog import Backlog, Bounds, Run
from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, bucket_of, offset_of, size_of

PARTITIONS = st.integers(0, 2)
RECORDS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30), st.integers(1, 3)), min_size=1, max_size=8)
"""Bucket and bytes of each, and how far its offset is from the one before."""


class BacklogMachine(RuleBasedStateMachine):
    """`waiting` are the rows that were put and not taken, by their partitions."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(Bounds(10, 100), Bounds(20, 8_000, low=0.95))
        self.partitions = [self.begun(number) for number in range(3)]
        self.waiting: dict[Partition, list[Row]] = {partition: [] for partition in self.partitions}
        self.last = 0

    def begun(self, number: int) -> Partition:
        return Partition(TopicPartition("market-data", number), 0)

    @rule(number=PARTITIONS, records=RECORDS)
    def fetched(self, number: int, records: list[tuple[int, int, int]]) -> None:
        partition = self.partitions[number]
        rows = [self.row(*record) for record in records]
        self.backlog.put(partition, rows)
        self.waiting[partition] += rows

    def row(self, bucket: int, size: int, gap: int) -> Row:
        self.last += gap
        headers = (("traceparent", b"00"), ("empty", None)) if size % 2 else ()
        return self.last, b"v" * size, headers, size if size % 3 else None, bucket

    @rule(sorts=st.booleans())
    def is_sorted_or_not(self, sorts: bool) -> None:
        self.backlog.sorts = sorts

    @rule(number=PARTITIONS)
    def begins_anew(self, number: int) -> None:
        self.backlog.drop(old := self.partitions[number])
        del self.waiting[old]
        self.partitions[number] = self.begun(number)
        self.waiting[self.partitions[number]] = []

    @rule()
    def is_revoked(self) -> None:
        self.backlog.drop()
        for rows in self.waiting.values():
            rows.clear()

    @rule(messages=st.integers(1, 8), size=st.integers(-2, 60))
    def is_taken(self, messages: int, size: int) -> None:
        there = bool(self.backlog)
        taken = self.backlog.take(messages, size)
        count, taken_bytes = sum(len(run.rows) for run in taken), sum(run.size for run in taken)
        assert there <= count <= messages
        assert count == 1 or taken_bytes <= size or not count
        for run in taken:
            self.check(run)

    def check(self, run: Run) -> None:
        assert run.size == size_of(run.rows)
        assert list(map(offset_of, run.rows)) == sorted(map(offset_of, run.rows))
        rows = self.waiting[run.partition]
        for row in run.rows:
            assert row == next(each for each in rows if bucket_of(each) == bucket_of(row))
            rows.remove(row)

    @invariant()
    def it_knows_what_it_holds(self) -> None:
        assert bool(self.backlog) == any(self.waiting.values())
        assert self.backlog or self.backlog.has_room
        assert self.backlog._sorted._open.keys() <= {partition for partition, rows in self.waiting.items() if rows}

    def teardown(self) -> None:
        while self.backlog:
            self.is_taken(3, 20)
        assert not any(self.waiting.values())
        assert self.backlog._sorted.bytes == 0


TestBacklogMachine = BacklogMachine.TestCase
TestBacklogMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
