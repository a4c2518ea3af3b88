"""The Kafka source keeps the contract on a real broker, and what only Kafka has: groups, retention, transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from config.bus import KafkaSettings
from consumer.sources.kafka import KafkaSource
from tests.contracts.source import BusUnderTest, SourceContract
from tests.servers import Kafka

pytestmark = pytest.mark.server("kafka")


class QuickKafka(Kafka):
    """A broker that gives up a dead member after a second, and would make topics for whoever asks for one."""

    def prepare(self) -> None:
        super().prepare()
        with (self.folder / "server.properties").open("a") as properties:
            properties.write("group.min.session.timeout.ms=500\nauto.create.topics.enable=true\n")


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """A broker of our own: it is killed and started again."""
    if not Kafka.installed():
        pytest.skip("kafka is not installed: python -m tests.servers.install kafka")
    with QuickKafka() as server:
        yield server


class KafkaUnderTest(BusUnderTest):
    """One topic and one group."""

    def __init__(self, broker: Kafka, topic: str, producer: AIOKafkaProducer) -> None:
        self.broker = broker
        self.topic = topic
        self.producer = producer

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        pairs = [(name, value.encode()) for name, value in (headers or {}).items()]
        for message in messages:
            await self.producer.send(self.topic, message, headers=pairs)
        await self.producer.flush()

    def settings(self, **values: object) -> KafkaSettings:
        given = {"bootstrap_servers": self.broker.url, "topics": (self.topic,), "group_id": self.topic}
        return KafkaSettings.model_validate(given | values)

    def source(self, prefetch_messages: int = 10_000, **options: float) -> KafkaSource:
        return KafkaSource(
            self.settings(),
            prefetch_messages=prefetch_messages,
            prefetch_bytes=8 * 1024 * 1024,
            **({"session_seconds": 1.0} | options),
        )

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.broker.kill)
        yield
        await asyncio.to_thread(self.broker.start)


@pytest.fixture
async def producer(broker: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
        yield producer


async def make_topic(broker: Kafka, name: str, partitions: int, **configs: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.url)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    finally:
        await admin.close()


@pytest.fixture
async def bus(broker: Kafka, unique_name: str, producer: AIOKafkaProducer) -> KafkaUnderTest:
    """One partition, so that there is one order."""
    await make_topic(broker, unique_name, 1)
    return KafkaUnderTest(broker, unique_name, producer)


class TestKafkaSource(SourceContract):
    @pytest.fixture
    def bus(self, bus: KafkaUnderTest) -> BusUnderTest:
        return bus
