"""What the simulator publishes stands on the bus as it was said."""

from __future__ import annotations

import asyncio
from itertools import islice

import nats
import pytest
from aiokafka import AIOKafkaConsumer
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from pydantic import SecretStr

from config.bus import KafkaSettings, NatsSettings
from consumer.errors import SourceRefused, SourceUnavailable
from consumer.simulator import Faults, Market, Simulated
from consumer.simulator.publish import publish
from consumer.simulator.publishers.kafka import to_kafka
from consumer.simulator.publishers.nats import to_jetstream, to_nats
from tests.servers import free_port

COUNT = 1_200


def market(subject: str) -> list[Simulated]:
    return list(islice(Market(4, 3, Faults.parse(["all"]), subject=subject), COUNT))


@pytest.fixture
def on_nats(nats_url: str, unique_name: str) -> NatsSettings:
    return NatsSettings(url=SecretStr(nats_url), stream=unique_name, subject=f"{unique_name}.data")


@pytest.fixture
def on_kafka(kafka_bootstrap: str, unique_name: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_bootstrap, topics=(unique_name,))


async def stored(stream: JetStreamContext, settings: NatsSettings) -> list[tuple[bytes, dict[str, str]]]:
    subscription = await stream.pull_subscribe(settings.subject, stream=settings.stream)
    found: list[tuple[bytes, dict[str, str]]] = []
    while len(found) < COUNT:
        for message in await subscription.fetch(500, timeout=5):
            found.append((message.data, message.headers or {}))
            await message.ack()
    return found


@pytest.mark.server("nats")
async def test_jetstream_keeps_every_message_in_order(on_nats: NatsSettings) -> None:
    sent, told = market(on_nats.subject), list[int]()
    async with to_jetstream(on_nats, create=True) as publisher:
        assert await publish(sent, publisher, progress=told.append) == COUNT
    async with await nats.connect(on_nats.url.get_secret_value()) as client:
        found = await stored(client.jetstream(), on_nats)
    assert found == [(message.data, message.headers) for message in sent]
    assert told == [500, 1_000, 1_200]


@pytest.mark.server("nats")
async def test_a_stream_is_made_only_when_it_is_asked_for(on_nats: NatsSettings) -> None:
    with pytest.raises(SourceRefused, match=on_nats.stream) as caught:
        async with to_jetstream(on_nats, create=False):
            pass
    assert "--create" in caught.value.fix


@pytest.mark.server("nats")
async def test_making_a_stream_that_is_there_changes_nothing(on_nats: NatsSettings) -> None:
    for _ in range(2):
        async with to_jetstream(on_nats, create=True) as publisher:
            await publish(market(on_nats.subject)[:10], publisher)
    async with await nats.connect(on_nats.url.get_secret_value()) as client:
        assert (await client.jetstream().stream_info(on_nats.stream)).state.messages == 20


@pytest.mark.server("nats")
async def test_a_subject_that_no_stream_takes_is_refused(on_nats: NatsSettings) -> None:
    async with to_jetstream(on_nats, create=True) as publisher:
        with pytest.raises(SourceRefused, match="elsewhere"):
            await publish(market("elsewhere")[:10], publisher)


@pytest.mark.server("nats")
async def test_nats_core_brings_it_to_whoever_listens(on_nats: NatsSettings) -> None:
    sent = market(on_nats.subject)
    async with await nats.connect(on_nats.url.get_secret_value()) as client:
        listener = await client.subscribe(on_nats.subject)
        await client.flush()
        async with to_nats(on_nats) as publisher:
            await publish(sent, publisher)
        found = [await listener.next_msg(timeout=5) for _ in sent]
        with pytest.raises(NatsTimeout):
            await listener.next_msg(timeout=0.1)
    assert [(message.data, message.headers or {}) for message in found] == [(m.data, m.headers) for m in sent]


@pytest.mark.server("kafka")
async def test_kafka_keeps_every_message_and_the_order_of_each_symbol(on_kafka: KafkaSettings) -> None:
    sent = market("unused")
    async with to_kafka(on_kafka, create=True) as publisher:
        assert await publish(sent, publisher) == COUNT
    found = await consumed(on_kafka)
    for symbol in {message.key for message in sent}:
        expected = [(message.data, message.headers) for message in sent if message.key == symbol]
        assert [(data, headers) for key, data, headers in found if key == symbol] == expected
    assert len(found) == COUNT


async def consumed(settings: KafkaSettings) -> list[tuple[str, bytes, dict[str, str]]]:
    found: list[tuple[str, bytes, dict[str, str]]] = []
    consumer = AIOKafkaConsumer(
        *settings.topics, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(20):
        while len(found) < COUNT:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    found.append(((record.key or b"").decode(), record.value, headers))
    return found


@pytest.mark.server("kafka")
async def test_a_topic_is_made_only_when_it_is_asked_for(on_kafka: KafkaSettings) -> None:
    with pytest.raises(SourceRefused, match=on_kafka.topics[0]) as caught:
        async with to_kafka(on_kafka, create=False):
            pass
    assert "--create" in caught.value.fix
    for _ in range(2):
        async with to_kafka(on_kafka, create=True):
            pass


async def test_a_bus_that_is_not_there_is_unavailable() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(SourceUnavailable):
        async with to_nats(NatsSettings(url=SecretStr(f"nats://{nowhere}"))):
            pass
    with pytest.raises(SourceUnavailable):
        async with to_kafka(KafkaSettings(bootstrap_servers=nowhere), create=True):
            pass
