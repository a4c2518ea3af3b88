"""What a Kafka member asks of its group, and what its topics may lose."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from config.bus import KafkaSettings
from consumer.sources import kafka_turns
from consumer.sources.kafka import KafkaSource
from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_risks import Described, risks_of


@pytest.mark.parametrize("session_seconds", [1.0, 10.0])
def test_a_member_that_lives_is_never_taken_for_dead(session_seconds: float) -> None:
    source = KafkaSource(KafkaSettings(), prefetch_messages=1, prefetch_bytes=1, session_seconds=session_seconds)
    options = source._options()
    assert options["heartbeat_interval_ms"] <= options["session_timeout_ms"] / 3
    assert options["rebalance_timeout_ms"] > KafkaSettings().revoke_seconds * 1000
    assert options["request_timeout_ms"] > options["rebalance_timeout_ms"]


def topic(*replicas: list[int]) -> Described:
    """As the Metadata response tells it."""
    partitions = [{"partition": number, "leader": 1, "replicas": each} for number, each in enumerate(replicas)]
    return {"topic": "market-data", "partitions": partitions}


def test_a_topic_with_one_replica_is_a_risk() -> None:
    assert risks_of(topic([1, 2], [1])) == [
        "topic market-data has one replica: a disk that fails loses it; give it three"
    ]


def test_a_topic_that_is_replicated_is_none() -> None:
    assert risks_of(topic([1, 2], [2, 3])) == []


async def test_a_member_that_leaves_lets_alone_what_the_next_one_has_fetched() -> None:
    source = KafkaSource(KafkaSettings(), prefetch_messages=10, prefetch_bytes=1000)
    old, key = source._new_member(), TopicPartition("market-data", 0)
    await old.leave()
    source._backlog.put(Partition(key, 0), [(0, b"trade", (), 0, 0)])

    await old.on_partitions_revoked([key])

    assert [delivery.message.data for delivery in await source.receive(10, 1000)] == [b"trade"]


async def test_most_of_what_may_be_on_its_way_is_held_as_long_as_anything_waits_sorted() -> None:
    source = KafkaSource(KafkaSettings(), prefetch_messages=10, prefetch_bytes=1000)
    assert source.leaves == 1.0
    source.scattered = source._backlog.sorts = True
    source._backlog.put(Partition(TopicPartition("market-data", 0), 0), [(0, b"trade", (), 0, 0)] * 2)
    source.scattered = False
    assert source.leaves == 0.25
    await source.receive(10, 1000)
    assert source.leaves == 1.0


async def test_partitions_take_turns_while_what_waits_is_sorted() -> None:
    source = KafkaSource(KafkaSettings(), prefetch_messages=10, prefetch_bytes=1000)
    member = source._new_member()
    await member.leave()
    far = {TopicPartition("market-data", number): kafka_turns.FAR_BEHIND for number in range(3)}
    for key in far:
        member.assignment.begin(key, 0)
    assert member.reader._behind(far) == {}
    source._backlog.sorts = True
    assert member.reader._behind(far) == far
    member.reader._returned[key] = 0.0
    assert member.reader._behind(far) == {other: far[other] for other in far if other != key}
