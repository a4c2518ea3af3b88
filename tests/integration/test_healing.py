"""A bus that answers, has messages and gives none: the subscription is made anew, and then the process is not alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from config import load
from config.bus import KafkaSettings
from consumer.api import Liveness
from consumer.service import Service
from consumer.snapshots import ServiceSnapshots
from consumer.sources import kafka
from consumer.sources.base import Source
from consumer.sources.jetstream import JetStreamSource
from consumer.sources.jetstream_consumer import DurableConsumer
from consumer.sources.kafka import KafkaSource
from consumer.sources.kafka_stall import Stall
from consumer.sources.nats_connection import Connection
from consumer.sources.standing_pull import StandingPull
from consumer.telemetry.heartbeat import Watchdog
from tests.contracts.source import LOTS, data, take, until
from tests.integration.test_jetstream_source import JetStreamUnderTest, OfAnother
from tests.servers import Nats, Server

HEALING_SECONDS = 15
PREFETCH = {"prefetch_messages": 100, "prefetch_bytes": LOTS}


class StarvedJetStream(JetStreamSource):
    """Its first `starved` sessions ask another consumer, which has nothing."""

    starved = 1
    sessions = 0

    async def _session(self, connection: Connection) -> None:
        kind = OfAnother if self.sessions < self.starved else DurableConsumer
        self._consumer = kind("TEST", "tapestore")
        self.sessions += 1
        await super()._session(connection)


class StarvedKafka(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is not typed
    """The first `starved` of them keep to their group and give nothing."""

    starved = 1
    sessions = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gives = StarvedKafka.sessions >= StarvedKafka.starved
        StarvedKafka.sessions += 1

    async def getmany(self, *partitions: TopicPartition, **bounds: int) -> Mapping[TopicPartition, Sequence[Any]]:
        if self._gives:
            given: Mapping[TopicPartition, Sequence[Any]] = await super().getmany(*partitions, **bounds)
            return given
        for key in self.assignment():
            if not await self.committed(key):
                self.seek(key, 0)
        await asyncio.sleep(0.1)
        return {}


@pytest.fixture
async def jetstream(start_server: Callable[[type[Server]], Server]) -> StarvedJetStream:
    """A source whose stream has one message."""
    bus = JetStreamUnderTest(await asyncio.to_thread(start_server, Nats))
    await bus.add_stream()
    await bus.add_consumer()
    await bus.add_consumer(durable_name="other", filter_subject="md.nothing")
    await bus.publish(b"{}")
    return StarvedJetStream(bus.settings, **PREFETCH)


@pytest.fixture
async def topic(kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch) -> KafkaSource:
    """A source whose topic has one message."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(unique_name, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        await producer.send_and_wait(unique_name, b"{}")
    monkeypatch.setattr(kafka, "AIOKafkaConsumer", StarvedKafka)
    monkeypatch.setattr(StarvedKafka, "sessions", 0)
    monkeypatch.setattr(StarvedKafka, "starved", 1)
    settings = KafkaSettings(bootstrap_servers=kafka_bootstrap, topics=(unique_name,), group_id=unique_name)
    return KafkaSource(settings, **PREFETCH)


@pytest.mark.server("nats")
async def test_a_jetstream_that_gives_nothing_is_subscribed_to_anew(jetstream: StarvedJetStream) -> None:
    await comes_in_time(jetstream)
    assert jetstream.sessions == 2


@pytest.mark.server("kafka")
async def test_a_kafka_that_gives_nothing_is_joined_anew(topic: KafkaSource) -> None:
    await comes_in_time(topic)
    assert StarvedKafka.sessions == 2


async def comes_in_time(source: Source) -> None:
    async with source, asyncio.timeout(HEALING_SECONDS), asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(until(source, lambda status: False))
        assert data(await take(source, 1)) == [b"{}"]
        asking.cancel()


@pytest.mark.server("nats")
async def test_liveness_fails_when_jetstream_gives_nothing_to_new_subscriptions_either(
    jetstream: StarvedJetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandingPull, "idle_seconds", 0.4)
    jetstream.starved = 1000
    async with watched(jetstream, tmp_path) as liveness:
        await not_alive(liveness)
    assert jetstream.sessions > 2


@pytest.mark.server("kafka")
async def test_liveness_fails_when_kafka_gives_nothing_to_a_new_member_either(
    topic: KafkaSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stall, "seconds", 1.0)
    monkeypatch.setattr(StarvedKafka, "starved", 1000)
    async with watched(topic, tmp_path) as liveness:
        await not_alive(liveness)
    assert StarvedKafka.sessions > 2


@asynccontextmanager
async def watched(source: Source, folder: Path) -> AsyncIterator[Callable[[], Liveness]]:
    """A service over this source; says whether it lives."""
    service = Service(load({"LOCAL_PATH": str(folder)}), source)
    service.watchdog = Watchdog(progress_seconds=6, clock=time.monotonic)
    running = asyncio.create_task(service.run())
    try:
        yield ServiceSnapshots(service).liveness
    finally:
        service.stop()
        await running


async def not_alive(liveness: Callable[[], Liveness]) -> None:
    async with asyncio.timeout(30):
        while (now := liveness()).ok:  # noqa: ASYNC110 - whoever probes does not wait for an event either
            await asyncio.sleep(0.1)
    assert now.detail in [f"{waiting} messages wait and nothing moved for 6 s" for waiting in ("1", "some")]
