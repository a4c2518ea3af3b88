"""The records that were fetched from Kafka and wait, and what becomes of a partition that begins anew."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from aiokafka import ConsumerRecord, TopicPartition

from consumer.pipeline.pipeline import FILLED
from consumer.sources.kafka import LEAVES_WHILE_SORTING
from consumer.sources.kafka_assignment import Assignment
from consumer.sources.kafka_backlog import Backlog, Bounds, Run
from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_reader import _as_many_as
from consumer.sources.kafka_rows import BUCKETS, Row, rows_of
from consumer.sources.kafka_sorted import PIECE_SIZE

KEY = TopicPartition("market-data", 0)
OTHER = TopicPartition("market-data", 1)


def a_backlog(messages: int = 100) -> Backlog:
    """One that holds so many messages, of 100 bytes in all; sorted, as many of 10,000 bytes as compressed."""
    return Backlog(Bounds(messages, 100), Bounds(messages, 10_000, low=0.75))


def records(first: int, *sizes: int) -> Sequence[Row]:
    """Records that follow each other, with values of these sizes."""
    return rows_of([record(first + n, b"x" * size) for n, size in enumerate(sizes)])


def record(offset: int, value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord(KEY.topic, 0, offset, 1_700_000_000_000, 0, None, value, None, -1, len(value or b""), ())


def offsets(runs: list[Run]) -> list[int]:
    return [offset for run in runs for offset, *_ in run.rows]


def test_a_tombstone_is_an_empty_message() -> None:
    assert rows_of([record(1, b"trade"), record(2, None)]) == [
        (1, b"trade", (), 1_700_000_000_000, hash(None) % BUCKETS),
        (2, b"", (), 1_700_000_000_000, hash(None) % BUCKETS),
    ]


def test_records_leave_in_the_order_in_which_they_came_and_within_the_bounds() -> None:
    backlog = a_backlog()
    backlog.put(Partition(KEY, 0), records(0, 1, 1, 1))
    backlog.put(Partition(OTHER, 10), records(10, 1, 1))
    assert offsets(backlog.take(2, 100)) == [0, 1]
    assert offsets(backlog.take(2, 100)) == [2, 10]
    assert offsets(backlog.take(2, 100)) == [11]
    assert offsets(backlog.take(2, 100)) == []


def test_bytes_bound_what_leaves_but_one_record_leaves_always() -> None:
    backlog = a_backlog()
    backlog.put(Partition(KEY, 0), records(0, 50, 3, 3, 3))
    assert offsets(backlog.take(10, 7)) == [0]
    assert offsets(backlog.take(10, 7)) == [1, 2]
    assert offsets(backlog.take(10, 7)) == [3]


def test_what_follows_each_other_on_a_partition_leaves_as_one_run() -> None:
    backlog = a_backlog()
    one, other = Partition(KEY, 0), Partition(OTHER, 10)
    for partition, first in ((one, 0), (one, 2), (other, 10), (one, 4)):
        backlog.put(partition, records(first, 1, 1))
    taken = backlog.take(100, 100)
    assert [(run.partition, offsets([run]), run.size) for run in taken] == [
        (one, [0, 1, 2, 3], 4),
        (other, [10, 11], 2),
        (one, [4, 5], 2),
    ]


def keyed(first: int, keys: str) -> Sequence[Row]:
    """Records that follow each other, each in the bucket of its letter."""
    return [(first + n, key.encode(), (), 1_700_000_000_000, ord(key)) for n, key in enumerate(keys)]


def test_sorted_records_of_the_same_key_leave_together_the_first_key_first() -> None:
    backlog, one, other = a_backlog(), Partition(KEY, 0), Partition(OTHER, 10)
    backlog.sorts = True
    backlog.put(one, keyed(0, "abab"))
    backlog.put(other, keyed(10, "ba"))
    backlog.put(one, keyed(4, "cab"))
    taken = backlog.take(100, 100)
    assert [(run.partition, offsets([run])) for run in taken] == [
        (one, [0, 2, 5]),
        (one, [1, 3, 6]),
        (other, [10, 11]),
        (one, [4]),
    ]
    assert sorted(row for run in taken for row in run.rows) == sorted([*keyed(0, "ababcab"), *keyed(10, "ba")])
    assert not backlog


def test_runs_of_the_same_key_that_follow_each_other_become_one_only_in_their_order() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.sorts = True
    backlog.put(partition, keyed(0, "aab"))
    assert [offsets([run]) for run in backlog.take(100, 100)] == [[0, 1, 2]]
    backlog.put(partition, keyed(3, "aba"))
    assert [offsets([run]) for run in backlog.take(100, 100)] == [[3, 5], [4]]


def test_what_is_not_sorted_leaves_before_what_is_and_what_follows_that_does_not_overtake_it() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.put(partition, keyed(0, "aba"))
    backlog.sorts = True
    backlog.put(partition, keyed(3, "aba"))
    backlog.sorts = False
    backlog.put(partition, keyed(6, "ba"))
    assert offsets(backlog.take(100, 100)) == [0, 1, 2, 3, 5, 7, 4, 6]
    backlog.put(partition, keyed(8, "aba"))
    assert offsets(backlog.take(100, 100)) == [8, 9, 10]


def test_a_bundle_is_cut_where_no_more_may_leave() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.sorts = True
    backlog.put(partition, keyed(0, "aabaa"))
    assert offsets(backlog.take(3, 100)) == [0, 1, 3]
    assert offsets(backlog.take(3, 100)) == [4, 2]


def test_what_follows_a_bundle_that_began_to_leave_waits_behind_the_others() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.sorts = True
    backlog.put(partition, keyed(0, "ab"))
    backlog.put(partition, keyed(2, "a"))
    assert offsets(backlog.take(1, 100)) == [0]
    backlog.put(partition, keyed(3, "ab"))
    assert offsets(backlog.take(100, 100)) == [2, 1, 4, 3]


def test_sorted_it_is_full_by_messages() -> None:
    backlog = a_backlog(4)
    backlog.sorts = True
    backlog.put(Partition(KEY, 0), keyed(0, "abcd"))
    assert fullness(backlog) == (True, False)
    backlog.take(1, 100)
    assert fullness(backlog) == (False, True)


def test_sorted_it_is_full_by_bytes_as_compressed() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.sorts = True
    backlog.put(partition, records(0, 10_000))
    assert fullness(backlog) == (False, True)
    backlog.put(partition, rows_of([record(1, random.Random(1).randbytes(10_000))]))
    assert fullness(backlog) == (True, False)


def test_of_large_messages_without_a_key_no_more_leave_than_may() -> None:
    backlog = Backlog(Bounds(1000, 10**9), Bounds(1000, 10**9))
    backlog.sorts = True
    backlog.put(Partition(KEY, 0), records(0, *[20_000] * 100, 1_000_000, 5))
    sizes = list[int]()
    while runs := backlog.take(1000, PIECE_SIZE):
        sizes.append(sum(run.size for run in runs))
    assert sum(sizes) == 100 * 20_000 + 1_000_005
    assert max(sizes) == 1_000_000
    assert sorted(sizes)[-2] <= PIECE_SIZE


def test_while_sorting_more_small_messages_are_polled_at_a_time_but_no_more_large_ones() -> None:
    assert _as_many_as(records(0, 200, 300)) == 4000
    assert _as_many_as(records(0, 500, 548)) == 2001
    assert _as_many_as(records(0, 20_000)) == 1000
    assert _as_many_as(records(0, 0)) == 4000


def test_what_leaves_sorted_is_what_came() -> None:
    backlog, partition = a_backlog(), Partition(KEY, 0)
    backlog.sorts = True
    rows = [
        (1, b"trade" * 99, (("traceparent", b"00-1"), ("empty", None)), 1_700_000_000_000, 3),
        (2, b"", (), None, 3),
    ]
    backlog.put(partition, rows)
    assert [run.rows for run in backlog.take(100, 1000)] == [rows]


def test_what_waits_sorted_of_one_partition_can_be_dropped() -> None:
    backlog, gone, stays = a_backlog(4), Partition(KEY, 0), Partition(OTHER, 10)
    backlog.sorts = True
    backlog.put(gone, keyed(0, "ab"))
    backlog.put(stays, keyed(10, "ab"))
    backlog.drop(gone)
    assert fullness(backlog) == (False, True)
    backlog.put(stays, keyed(12, "a"))
    assert offsets(backlog.take(10, 100)) == [10, 12, 11]
    backlog.put(gone, keyed(0, "ab"))
    backlog.drop()
    assert not backlog
    assert backlog._sorted.bytes == 0


async def test_somebody_who_waits_hears_of_what_is_sorted() -> None:
    backlog = a_backlog()
    backlog.sorts = True
    backlog.put(Partition(KEY, 0), keyed(0, "a"))
    async with asyncio.timeout(1):
        await backlog.arrival(60)


def fullness(backlog: Backlog) -> tuple[bool, bool]:
    return backlog.full, backlog.has_room


def test_it_is_full_by_messages_or_bytes_and_has_room_when_half_of_both_is_free() -> None:
    backlog = a_backlog(4)
    backlog.put(Partition(KEY, 0), records(0, 1, 1, 1, 1))
    assert fullness(backlog) == (True, False)
    backlog.take(1, 100)
    assert fullness(backlog) == (False, False)
    backlog.take(1, 100)
    assert fullness(backlog) == (False, True)
    backlog.put(Partition(KEY, 4), records(4, 200))
    assert fullness(backlog) == (True, False)


def test_what_waits_of_one_partition_can_be_dropped() -> None:
    backlog = a_backlog(4)
    gone, stays = Partition(KEY, 0), Partition(OTHER, 10)
    backlog.put(gone, records(0, 1, 1))
    backlog.put(stays, records(10, 1, 1))
    backlog.drop(gone)
    assert not backlog.full
    assert offsets(backlog.take(10, 100)) == [10, 11]


def test_a_partition_is_low_at_its_first_unsettled_record_and_at_its_position_when_idle() -> None:
    partition = Partition(KEY, 5)
    assert (partition.low, partition.idle) == (5, True)
    partition.fetched(records(5, 1, 1))
    partition.watermark.settle(6)
    assert (partition.low, partition.idle) == (5, False)
    partition.watermark.settle(5)
    assert (partition.low, partition.idle) == (7, True)


def test_only_what_moved_is_committed() -> None:
    assignment = Assignment({})
    partition = assignment.begin(KEY, 5)
    assert assignment.moved() == {KEY: 5}
    assignment.committed({KEY: 5})
    assert assignment.moved() == {}
    partition.fetched(records(5, 1))
    partition.watermark.settle(5)
    assert assignment.moved() == {KEY: 6}


def test_a_settlement_of_an_earlier_life_moves_nothing() -> None:
    assignment = Assignment({})
    earlier = assignment.begin(KEY, 5)
    earlier.fetched(records(5, 1))
    assignment.begin(KEY, 5)
    earlier.watermark.settle(5)
    assert assignment.moved() == {KEY: 5}


def test_how_far_each_is_behind_counts_what_was_not_fetched() -> None:
    assignment = Assignment({})
    assignment.begin(KEY, 5).fetched(records(5, 1, 1))
    assignment.begin(OTHER, 3)
    assert assignment.behind({KEY: 10}) == {KEY: 3}


def test_the_lag_is_not_known_before_every_partition_has_a_place() -> None:
    assignment = Assignment({})
    assert assignment.lag({}) is None
    assignment.decided([KEY, OTHER])
    assignment.begin(KEY, 5).fetched(records(5, 1, 1))
    assert assignment.lag({KEY: 10, OTHER: 3}) is None
    assignment.begin(OTHER, 3)
    assert assignment.lag({KEY: 10, OTHER: 3}) == 5


def test_what_the_pipeline_may_take_in_while_sorting_is_enough_for_it_to_see_that_messages_are_scattered() -> None:
    assert FILLED <= LEAVES_WHILE_SORTING
