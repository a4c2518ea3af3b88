"""To Kafka: acknowledged by all replicas in sync; the key is the symbol, so that a symbol stays in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from config.bus import KafkaSettings
from consumer.errors import SourceRefused
from consumer.simulator.envelope import Simulated
from consumer.sources.kafka_errors import Reasons, explain
from consumer.sources.kafka_tls import ssl_context

ANSWER_SECONDS = 10.0
PARTITIONS = 4
BATCH_BYTES = 256 * 1024

_ERRORS = (KafkaError, OSError, TimeoutError)


class KafkaPublisher:
    """Publishes to one topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def publish(self, messages: Sequence[Simulated]) -> None:
        try:
            acks = [await self._send(message) for message in messages]
        except _ERRORS as error:
            raise explain(error) from error
        for answer in await asyncio.gather(*acks, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise explain(answer) from answer

    async def _send(self, message: Simulated) -> asyncio.Future[object]:
        # no timestamp: retention would soon take away messages from the market's own past
        ack: asyncio.Future[object] = await self._producer.send(
            self._topic,
            message.data,
            key=message.key.encode() or None,
            headers=[(name, value.encode()) for name, value in message.headers.items()],
        )
        return ack


@asynccontextmanager
async def to_kafka(settings: KafkaSettings, *, create: bool) -> AsyncIterator[KafkaPublisher]:
    """A publisher to the first topic of the settings, made with `create` where it is not there.

    Raises SourceUnavailable or SourceRefused.
    """
    topic = settings.topics[0]
    batches = {"acks": "all", "enable_idempotence": True, "linger_ms": 5, "max_batch_size": BATCH_BYTES}
    producer = AIOKafkaProducer(**_options(settings), **batches)
    try:
        with Reasons() as reasons:
            try:
                await _check_topic(settings, topic, create)
                await producer.start()
            except _ERRORS as error:
                raise explain(error, reasons.latest) from error
        yield KafkaPublisher(producer, topic)
    finally:
        await producer.stop()


async def _check_topic(settings: KafkaSettings, topic: str, create: bool) -> None:
    admin = AIOKafkaAdminClient(**_options(settings))
    try:
        await admin.start()
        if topic in await admin.list_topics():
            return
        if not create:
            raise SourceRefused(f"there is no topic {topic}", fix="create it, or let simulate do it with --create")
        await admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)])
    finally:
        await admin.close()


def _options(settings: KafkaSettings) -> dict[str, Any]:
    secret = settings.sasl_password
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": "tapestore-simulator",
        "request_timeout_ms": int(ANSWER_SECONDS * 1000),
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": secret.get_secret_value() if secret is not None else None,
    }
