"""Messages that a topic has but shows to nobody yet: one open transaction, which readers of committed messages await.

So a process can be watched from a moment when everything that comes before is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from aiokafka import AIOKafkaProducer

from benchmarks.buses import Bus
from consumer.simulator.envelope import Simulated

TIMEOUT_MS = 300_000
BATCH_BYTES = 256 * 1024


class Held:
    """While the context lasts the messages are there; `release` shows all of them at once."""

    def __init__(self, bus: Bus, messages: Sequence[Simulated]) -> None:
        self.count = len(messages)
        self._messages = messages
        self._topic = bus["KAFKA_TOPICS"]
        self._bootstrap = bus["KAFKA_BOOTSTRAP_SERVERS"]

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._producer = self._runner.run(self._published())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._producer.stop())
        self._runner.close()

    def release(self) -> None:
        """End the transaction."""
        self._runner.run(self._producer.commit_transaction())

    async def _published(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            transactional_id=self._topic,
            transaction_timeout_ms=TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
        )
        await producer.start()
        await producer.begin_transaction()
        for message in self._messages:
            headers = [(name, value.encode()) for name, value in message.headers.items()]
            await producer.send(self._topic, message.data, key=message.key.encode(), headers=headers)
        await producer.flush()
        return producer
