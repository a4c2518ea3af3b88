"""What JetStream gives to nats-py alone: a standing pull, an acknowledgement of each message, and no store."""

from __future__ import annotations

import asyncio
import gc
import json

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from benchmarks.buses import Bus
from benchmarks.ceiling import sample
from benchmarks.spans import Sample, Span, steady

BATCH = 10_000
EXPIRES_NS = 30_000_000_000
LOOK = 1_000  # messages between two looks
ACK = b"+ACK"


def pull(bus: Bus, messages: int, seconds: float) -> Span:
    """Take and acknowledge everything; raises TimeoutError."""
    gc.collect()
    gc.freeze()
    try:
        return asyncio.run(asyncio.wait_for(_pull(bus, messages), seconds))
    finally:
        gc.unfreeze()


async def _pull(bus: Bus, messages: int) -> Span:
    client = Client()
    await client.connect(bus["NATS_URL"])
    try:
        puller = Puller(client, bus, messages)
        await puller.begin()
        await puller.done.wait()
        await client.flush()
        return steady([*puller.samples, sample(messages)])
    finally:
        await client.close()


class Puller:
    """Asks again when half of what it asked for has come, so that something is always asked for."""

    def __init__(self, client: Client, bus: Bus, messages: int) -> None:
        self.samples: list[Sample] = []
        self.done = asyncio.Event()
        self._client = client
        self._stream, self._durable = bus["NATS_STREAM"], bus["NATS_DURABLE"]
        self._messages = messages
        self._inbox = client.new_inbox()
        self._came = 0

    async def begin(self) -> None:
        """Make the consumer and ask twice."""
        config = ConsumerConfig(durable_name=self._durable, ack_policy=AckPolicy.EXPLICIT, max_ack_pending=2 * BATCH)
        await self._client.jetstream().add_consumer(self._stream, config)
        await self._client.subscribe(self._inbox, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=0)
        await self._ask()
        await self._ask()

    async def _ask(self) -> None:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        request = json.dumps({"batch": BATCH // 2, "expires": EXPIRES_NS}).encode()
        await self._client.publish(subject, request, reply=self._inbox)

    async def _take(self, message: Msg) -> None:
        if not message.reply:  # a status
            return
        await self._client.publish(message.reply, ACK)
        self._came += 1
        if self._came % (BATCH // 2) == 0:
            await self._ask()
        if self._came % LOOK == 0:
            self.samples.append(sample(self._came))
        if self._came == self._messages:
            self.done.set()
