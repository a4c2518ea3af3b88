"""How far a Kafka group has come: the offsets that it committed, which the broker tells without asking the group."""

from __future__ import annotations

import asyncio
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from benchmarks.buses import Bus


class Committed:
    """Calling it gives the sum of the committed offsets of all partitions."""

    def __init__(self, bus: Bus) -> None:
        self._group = bus["KAFKA_GROUP_ID"]
        self._bootstrap = bus["KAFKA_BOOTSTRAP_SERVERS"]

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._admin = self._runner.run(_started(self._bootstrap))
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._admin.close())
        self._runner.close()

    def __call__(self) -> int:
        """Messages that the group is done with."""
        try:
            offsets = self._runner.run(self._admin.list_consumer_group_offsets(self._group))
        except KafkaError:  # nobody has looked after any group yet
            return 0
        return sum(max(0, place.offset) for place in offsets.values())


async def _started(bootstrap: str) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    return admin
