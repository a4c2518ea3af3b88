"""What is done to a bus from outside, as an operator or an accident would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import nats
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from nats.js.api import ConsumerConfig
from nats.js.client import JetStreamContext

from tests.servers import Kafka

T = TypeVar("T")
Told = Mapping[str, str]


def jetstream(told: Told, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """Do something with the JetStream of these settings."""

    async def connected() -> T:
        client = await nats.connect(told["NATS_URL"])
        try:
            return await work(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(connected())


def delete_consumer(told: Told) -> None:
    """The durable is gone, with all that it knew."""
    jetstream(told, lambda js: js.delete_consumer(told["NATS_STREAM"], told["NATS_DURABLE"]))


def delete_stream(told: Told) -> None:
    """The stream is gone; who makes it again counts from 1."""
    jetstream(told, lambda js: js.delete_stream(told["NATS_STREAM"]))


def add_stream(told: Told) -> None:
    """The stream as the feed makes it."""
    jetstream(told, lambda js: js.add_stream(name=told["NATS_STREAM"], subjects=[told["NATS_SUBJECT"]]))


def add_consumer(told: Told, **config: Any) -> None:
    """A durable that somebody else made."""
    given = {"durable_name": told["NATS_DURABLE"], "ack_policy": "explicit", "filter_subject": told["NATS_SUBJECT"]}
    jetstream(told, lambda js: js.add_consumer(told["NATS_STREAM"], ConsumerConfig(**given | config)))


def limit_deliveries(told: Told, max_deliver: int) -> None:
    """Somebody changes the durable that we read by."""

    async def change(js: JetStreamContext) -> None:
        stream, durable = told["NATS_STREAM"], told["NATS_DURABLE"]
        config = (await js.consumer_info(stream, durable)).config
        await js.add_consumer(stream, config.evolve(max_deliver=max_deliver))

    jetstream(told, change)


def publish(told: Told, *messages: bytes) -> None:
    """Bytes that no market sends."""

    async def send(js: JetStreamContext) -> None:
        for message in messages:
            await js.publish(told["NATS_SUBJECT"], message)

    jetstream(told, send)


def forget_records(told: Told, kept: int) -> None:
    """Retention takes all but the last messages of each partition."""

    async def delete() -> None:
        topic, servers = told["KAFKA_TOPICS"], told["KAFKA_BOOTSTRAP_SERVERS"]
        async with AIOKafkaConsumer(topic, bootstrap_servers=servers) as consumer:
            ends = await consumer.end_offsets([TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)])
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        try:
            long = {key: RecordsToDelete(before_offset=end - kept) for key, end in ends.items() if end > kept}
            await admin.delete_records(long)
        finally:
            await admin.close()

    asyncio.run(delete())


class Guarded(Kafka):
    """A broker that allows whatever nobody has forbidden."""

    def prepare(self) -> None:
        super().prepare()
        with (self.folder / "server.properties").open("a") as properties:
            properties.write("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n")
            properties.write("allow.everyone.if.no.acl.found=true\n")


@contextmanager
def forbidden(told: Told) -> Iterator[None]:
    """The group of these settings takes nobody and no commits while the context lasts; asks for a `Guarded`."""
    group, literal, read, deny = 3, 3, 3, 2
    rule = (group, told["KAFKA_GROUP_ID"], literal, "User:ANONYMOUS", "*", read, deny)
    _ask(told, CreateAclsRequest(*rule))
    try:
        yield
    finally:
        _ask(told, DeleteAclsRequest(*rule))


def _ask(told: Told, request: object) -> None:
    async def ask() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=told["KAFKA_BOOTSTRAP_SERVERS"])
        await admin.start()
        try:
            answer = await admin._send_to_controller(request)  # it has no public way to set a rule
            assert "error_code=0" in str(answer), answer
        finally:
            await admin.close()

    asyncio.run(ask())


class Member:
    """Another consumer of the group, which takes partitions away and settles nothing."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def visit(self, seconds: float) -> None:
        """Join, hold partitions for a while, and leave."""

        async def stay() -> None:
            consumer = AIOKafkaConsumer(
                self._told["KAFKA_TOPICS"],
                bootstrap_servers=self._told["KAFKA_BOOTSTRAP_SERVERS"],
                group_id=self._told["KAFKA_GROUP_ID"],
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=6000,
            )
            await consumer.start()
            try:
                await consumer.getmany(timeout_ms=round(seconds * 1000))
            finally:
                await consumer.stop()

        asyncio.run(stay())
