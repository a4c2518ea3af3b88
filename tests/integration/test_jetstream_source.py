"""The JetStream source keeps the contract on a real server, and what only JetStream can do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, StorageType
from nats.js.client import JetStreamContext
from pydantic import SecretStr

from consumer.errors import SourceRefused, SourceUnavailable
from consumer.messages import Message, Settlement
from consumer.sources.buffer import Buffer
from consumer.sources.given_up import GivenUp
from consumer.sources.jetstream import JetStreamSource
from consumer.sources.jetstream_consumer import DurableConsumer
from consumer.sources.standing_pull import StandingPull
from tests.contracts.source import (
    LOTS,
    BusUnderTest,
    SourceContract,
    data,
    drained,
    numbered,
    settle_all,
    take,
    until,
)
from tests.integration.nats_bus import SUBJECT, NatsUnderTest
from tests.integration.wire import Wire
from tests.servers import Nats, Server

pytestmark = pytest.mark.server("nats")


class JetStreamUnderTest(NatsUnderTest):
    async def add_stream(self) -> None:
        async with self.client() as client:
            await client.jetstream().add_stream(name="TEST", subjects=["md.>"])

    async def add_consumer(self, **config: Any) -> None:
        async with self.client() as client:
            given = {"durable_name": "tapestore", "ack_policy": "explicit"} | config
            await client.jetstream().add_consumer("TEST", ConsumerConfig(**given))

    async def delete_consumer(self) -> None:
        async with self.client() as client:
            await client.jetstream().delete_consumer("TEST", "tapestore")

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        async with self.client() as client:
            js: JetStreamContext = client.jetstream()
            acks = [await js.publish_async(SUBJECT, m, headers=dict(headers) if headers else None) for m in messages]
            await asyncio.gather(*acks)

    def source(self, **also: int) -> JetStreamSource:
        return JetStreamSource(self.settings, **{"prefetch_messages": 2000, "prefetch_bytes": 4 * 1024 * 1024} | also)


@pytest.fixture
async def bare(start_server: Callable[[type[Server]], Server]) -> JetStreamUnderTest:
    """A server without a stream."""
    return JetStreamUnderTest(await asyncio.to_thread(start_server, Nats))


@pytest.fixture
async def bus(bare: JetStreamUnderTest) -> JetStreamUnderTest:
    await bare.add_stream()
    return bare


class TestJetStreamSource(SourceContract):
    @pytest.fixture
    def bus(self, bus: JetStreamUnderTest) -> BusUnderTest:
        return bus


# The consumer.


async def test_a_missing_consumer_is_made_so_that_it_loses_nothing(bus: JetStreamUnderTest) -> None:
    async with bus.source(max_ack_pending=9000) as source, bus.client() as client:
        await bus.subscribed(source)
        config = (await client.jetstream().consumer_info("TEST", "tapestore")).config
    assert (config.ack_policy, config.deliver_policy, config.max_deliver) == ("explicit", "all", -1)
    assert (config.ack_wait, config.max_ack_pending, config.filter_subject) == (2, 9000, SUBJECT)


async def test_a_stream_in_memory_without_replicas_is_known_as_a_risk(bare: JetStreamUnderTest) -> None:
    async with bare.client() as client:
        await client.jetstream().add_stream(name="TEST", subjects=["md.>"], storage=StorageType.MEMORY)
    async with bare.source() as source:
        await bare.subscribed(source)
        assert [risk.partition(":")[0] for risk in source.risks] == [
            "stream TEST is kept in memory",
            "stream TEST has one replica",
        ]


async def test_a_consumer_that_is_there_is_used_as_it_is(bus: JetStreamUnderTest) -> None:
    await bus.add_consumer(max_ack_pending=7, filter_subject="md.other")
    async with bus.source() as source:
        await bus.subscribed(source)
        details = (await source.status()).details
    assert (details["max_ack_pending"], details["filter_subject"]) == (7, "md.other")
    assert source.risks[-1] == "consumer tapestore stops at 7 unsettled messages: raise max_ack_pending to 4000"


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"ack_policy": "none"}, "ack policy is none"),
        ({"ack_policy": "all"}, "ack policy is all"),
        ({"max_deliver": 3}, "after 3 deliveries"),
        ({"headers_only": True}, "headers only"),
        ({"deliver_subject": "push.here"}, "pushes"),
    ],
)
async def test_a_consumer_that_would_lose_messages_is_refused_until_it_is_gone(
    bus: JetStreamUnderTest, config: dict[str, Any], fault: str
) -> None:
    await bus.add_consumer(**config)
    async with bus.source() as source:
        with pytest.raises(SourceRefused, match=fault) as refusal:
            await take(source, 1)
        assert "nats consumer rm TEST tapestore" in refusal.value.fix
        assert fault in (await source.status()).problem
        await bus.delete_consumer()
        await bus.subscribed(source)


async def test_a_missing_stream_is_waited_for_and_named(bare: JetStreamUnderTest) -> None:
    async with bare.source() as source:
        status = await until(source, lambda status: "no stream TEST" in status.problem)
        assert not status.subscribed
        await bare.add_stream()
        await bare.subscribed(source)
        await bare.publish(b"{}")
        assert data(await take(source, 1)) == [b"{}"]


async def test_a_subject_that_the_stream_does_not_have_is_refused_or_waits(bus: JetStreamUnderTest) -> None:
    settings = bus.settings.model_copy(update={"subject": "else.where"})
    async with JetStreamSource(settings, prefetch_messages=10, prefetch_bytes=1000) as source:
        # servers from 2.10 on allow it: messages of that subject may come one day
        await until(source, lambda status: "NATS_SUBJECT" in status.problem or status.subscribed)


async def test_a_server_without_jetstream_is_said_to_be_one(start_server: Callable[[type[Server]], Server]) -> None:
    class Core(Nats):
        def command(self) -> Sequence[str | Path]:
            return [part for part in super().command() if part != "--jetstream"]

    bus = JetStreamUnderTest(await asyncio.to_thread(start_server, Core))
    async with bus.source() as source:
        await until(source, lambda status: "JetStream does not answer" in status.problem)


# Settling.


async def test_what_is_given_back_comes_again_by_itself_and_is_counted(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(3))
    async with bus.source() as source:
        first = await take(source, 3)
        await settle_all(source, first, Settlement.LATER)
        again = await take(source, 3, settle=Settlement.STORED)
        assert sorted(data(again)) == numbered(3)
        assert {d.message.deliveries for d in again} == {2}
        assert (await source.status()).redelivered == 3
        await until(source, lambda status: status.lag == 0)


async def test_what_is_held_longer_than_ack_wait_does_not_come_again(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(20))
    async with bus.source() as source:
        received = await take(source, 5)
        await asyncio.sleep(bus.settings.ack_wait_seconds * 1.75)
        rest = await take(source, 15)
        assert {d.message.deliveries for d in received + rest} == {1}
        await settle_all(source, received + rest, Settlement.STORED)
        await until(source, lambda status: status.lag == 0)
        assert (await source.status()).redelivered == 0


async def test_the_ack_wait_that_counts_is_the_consumers_own(bus: JetStreamUnderTest) -> None:
    await bus.add_consumer(ack_wait=0.5)
    assert bus.settings.ack_wait_seconds == 2
    await bus.publish(*numbered(3))
    async with bus.source() as source:
        held = await take(source, 3)
        await asyncio.sleep(1.5)
        await settle_all(source, held, Settlement.STORED)
        status = await until(source, lambda status: status.lag == 0)
        assert status.redelivered == 0


async def test_what_another_holds_is_lag_and_not_due_to_us(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(3))
    async with bus.source() as holder:
        held = await take(holder, 3)
        async with bus.source() as idle:
            await bus.subscribed(idle)
            status = await until(idle, lambda status: status.lag == 3)
            assert status.due == 0
            assert (await holder.status()).due == 3
        await settle_all(holder, held, Settlement.STORED)


async def test_two_sources_share_the_work_and_neither_sees_what_the_other_has(bus: JetStreamUnderTest) -> None:
    small = {"prefetch_messages": 100}
    async with bus.source(**small) as one, bus.source(**small) as two:
        await bus.subscribed(one)
        await bus.subscribed(two)
        await bus.publish(*numbered(2000))
        seen: dict[str, list[bytes]] = {"one": [], "two": []}

        async def work(name: str, source: JetStreamSource) -> None:
            while sum(map(len, seen.values())) < 2000:
                chunk = await source.receive(50, LOTS)
                seen[name] += data(chunk)
                await settle_all(source, chunk, Settlement.STORED)

        await asyncio.gather(work("one", one), work("two", two))
        await until(one, lambda status: status.lag == 0)
    assert sorted(seen["one"] + seen["two"]) == sorted(numbered(2000))
    assert seen["one"]
    assert seen["two"]


async def test_what_the_server_gives_up_is_handed_on_once_more(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(3))
    async with bus.source() as source:
        received = await take(source, 3)
        async with bus.client() as client:
            js = client.jetstream()
            config = (await js.consumer_info("TEST", "tapestore")).config
            await js.add_consumer("TEST", config.evolve(max_deliver=1))
        await settle_all(source, received[:2], Settlement.LATER)
        await settle_all(source, received[2:], Settlement.STORED)

        given_up = await take(source, 2)
        assert sorted(data(given_up)) == numbered(2)
        assert {(d.message.given_up, d.message.subject) for d in given_up} == {(True, SUBJECT)}
        await settle_all(source, given_up, Settlement.LATER)
        assert sorted(data(await take(source, 2, settle=Settlement.REJECTED))) == numbered(2)


ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TEST.tapestore"


class Clumsy(GivenUp):
    """Its first questions get no answer in time."""

    failures = 0
    asked = 0

    async def _fetch(self, client: Client, advisory: Any) -> Message:
        self.asked += 1
        if self.asked <= self.failures:
            raise TimeoutError
        return await super()._fetch(client, advisory)


async def test_what_was_given_up_and_could_not_be_fetched_is_fetched_later(bus: JetStreamUnderTest) -> None:
    await bus.publish(b"{}")
    taken: list[Message] = []
    given_up = Clumsy(DurableConsumer("TEST", "tapestore"), taken.append)
    given_up.failures = 2
    async with bus.client() as client:
        await given_up.listen(client)
        await client.publish(ADVISORIES, b'{"stream_seq": 1, "deliveries": 3}')
        async with asyncio.timeout(10):
            while not taken:  # noqa: ASYNC110 - it comes from a callback
                await asyncio.sleep(0.05)
    assert [(message.data, message.offset, message.given_up) for message in taken] == [(b"{}", 1, True)]


async def test_what_the_stream_has_let_go_of_is_asked_for_once(bus: JetStreamUnderTest) -> None:
    given_up = Clumsy(DurableConsumer("TEST", "tapestore"), lambda _: None)
    async with bus.client() as client:
        await given_up.listen(client)
        await client.publish(ADVISORIES, b'{"stream_seq": 7, "deliveries": 3}')
        async with asyncio.timeout(5):
            while not given_up.asked:  # noqa: ASYNC110 - it comes from a callback
                await asyncio.sleep(0.05)
        await client.flush()
        await given_up.retry(client)
    assert given_up.asked == 1


# Bounds.


async def test_no_more_than_the_prefetch_is_taken_from_the_server(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(500))
    async with bus.source(prefetch_messages=100) as source:
        await until(source, lambda status: status.details["buffered_messages"] == 100)
        await source.receive(30, LOTS)
        await asyncio.sleep(0.2)
        assert (await source.status()).details["num_ack_pending"] == 100  # no room for a half
        await source.receive(30, LOTS)
        await until(source, lambda status: status.details["num_ack_pending"] == 150)


async def test_no_more_bytes_than_the_prefetch_are_taken_from_the_server(bus: JetStreamUnderTest) -> None:
    await bus.publish(*numbered(100, size=1000))
    async with bus.source(prefetch_bytes=20_000) as source:
        await until(source, lambda status: status.details["num_ack_pending"] != 0)
        await asyncio.sleep(0.3)
        held = (await source.status()).details["buffered_bytes"]
        assert isinstance(held, int)
        assert 10_000 < held <= 20_000
        assert data(await take(source, 100)) == numbered(100, size=1000)


async def test_a_message_larger_than_the_prefetch_is_asked_for_alone(bus: JetStreamUnderTest) -> None:
    sent = [*numbered(3), b"x" * 100_000, b"y" * 100_000, *numbered(3)]
    await bus.publish(*sent)
    async with bus.source(prefetch_bytes=2000) as source:
        assert data(await take(source, len(sent), settle=Settlement.STORED)) == sent


# What goes wrong on the server.


async def test_a_consumer_that_is_deleted_is_made_again(bus: JetStreamUnderTest) -> None:
    await bus.publish(b"before")
    async with bus.source() as source:
        await take(source, 1, settle=Settlement.STORED)
        await bus.delete_consumer()
        await bus.publish(b"after")
        assert data(await take(source, 2)) == [b"before", b"after"]  # a new one delivers all


async def test_an_ack_for_a_stream_that_is_gone_does_not_ack_a_message_of_the_new_one(bus: JetStreamUnderTest) -> None:
    await bus.publish(b"old")
    async with bus.source() as source:
        (old,) = await take(source, 1)
        async with bus.client() as client:
            await client.jetstream().delete_stream("TEST")
        await bus.add_stream()
        await bus.publish(b"new")
        (new,) = await take(source, 1)
        assert (old.message.position, new.message.data) == (new.message.position, b"new")
        await settle_all(source, [old], Settlement.STORED)
        assert (await source.status()).lag == 1
    async with bus.source() as source:
        assert data(await take(source, 1)) == [b"new"]


async def test_nothing_is_missing_after_the_server_was_killed(bus: JetStreamUnderTest) -> None:
    sent = numbered(1000)
    await bus.publish(*sent)
    async with bus.source(prefetch_messages=200) as source:
        seen = {d.message.data for d in await take(source, 300, settle=Settlement.STORED)}
        await asyncio.to_thread(bus.server.kill)
        await asyncio.to_thread(bus.server.start)
        await bus.subscribed(source)
        seen.update(await drained(source))
    assert seen == set(sent)


async def test_a_connection_that_died_without_a_word_is_replaced_in_time(bus: JetStreamUnderTest) -> None:
    async with Wire(bus.server.port) as wire:
        url = SecretStr(f"nats://127.0.0.1:{wire.port}")
        settings = bus.settings.model_copy(update={"url": url})
        async with JetStreamSource(settings, prefetch_messages=100, prefetch_bytes=LOTS) as source:
            await bus.subscribed(source)
            wire.cut()
            await bus.publish(b"after")
            async with asyncio.timeout(15):
                assert data(await take(source, 1, settle=Settlement.STORED)) == [b"after"]


class Misdirected(DurableConsumer):
    """Its requests for messages go to somebody else."""

    @property
    def next_subject(self) -> str:
        return "nobody.hears"


async def test_a_request_that_the_server_forgot_is_noticed(bus: JetStreamUnderTest) -> None:
    await bus.add_consumer()
    async with bus.client() as client:
        await client.subscribe("nobody.hears")
        with pytest.raises(SourceUnavailable, match="forgot"):
            await pulled_for_ever(StandingPull, Misdirected("TEST", "tapestore"), client)


class Impatient(StandingPull):
    idle_seconds = 0.5


class OfAnother(DurableConsumer):
    """Its requests for messages go to another consumer, which has none."""

    @property
    def next_subject(self) -> str:
        return "$JS.API.CONSUMER.MSG.NEXT.TEST.other"


async def test_messages_that_wait_and_are_not_given_are_noticed(bus: JetStreamUnderTest) -> None:
    await bus.add_consumer()
    await bus.add_consumer(durable_name="other", filter_subject="md.nothing")
    await bus.publish(b"{}")
    async with bus.client() as client:
        with pytest.raises(SourceUnavailable, match="1 messages wait"):
            await pulled_for_ever(Impatient, OfAnother("TEST", "tapestore"), client)


async def pulled_for_ever(kind: type[StandingPull], consumer: DurableConsumer, client: Any) -> None:
    pull = kind(
        client,
        consumer,
        await consumer.info(client),
        prefetch_messages=10,
        prefetch_bytes=1000,
        buffer=Buffer(),
        given=lambda reply: None,
        turn=asyncio.Event(),
    )
    await pull.subscribe()
    async with asyncio.timeout(20):
        while True:
            await pull.step()


# Who may.


class Guarded(Nats):
    """Asks for a password, and lets `reader` do nothing."""

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "users.conf").write_text(
            "authorization { users = ["
            '{user: "tapestore", password: "s3cret/%&"},'
            '{user: "reader", password: "reader", permissions: {publish: "nothing", subscribe: "_INBOX.>"}}'
            "]}"
        )

    def command(self) -> Sequence[str | Path]:
        return [*super().command(), "--config", self.folder / "users.conf"]


@pytest.fixture
async def guarded(start_server: Callable[[type[Server]], Server]) -> Server:
    return await asyncio.to_thread(start_server, Guarded)


def source_as(server: Server, credentials: str) -> JetStreamSource:
    bus = JetStreamUnderTest(server)
    url = SecretStr(f"nats://{credentials}@127.0.0.1:{server.port}")
    return JetStreamSource(bus.settings.model_copy(update={"url": url}), prefetch_messages=10, prefetch_bytes=1000)


async def test_a_wrong_password_is_refused_and_not_told(guarded: Server) -> None:
    async with source_as(guarded, "tapestore:canary") as source:
        with pytest.raises(SourceRefused) as refusal:
            await take(source, 1)
        status = await source.status()
        assert "NATS_URL" in refusal.value.fix
        assert "canary" not in f"{refusal.value} {refusal.value.fix} {status}"
        assert not status.connected


async def test_a_password_with_special_characters_is_written_as_in_any_url(guarded: Server) -> None:
    async with source_as(guarded, "tapestore:s3cret%2F%25%26") as source:
        await until(source, lambda status: "no stream TEST" in status.problem)


async def test_a_lack_of_rights_is_refused(guarded: Server) -> None:
    async with source_as(guarded, "reader:reader") as source:
        with pytest.raises(SourceRefused, match=r"(?i)permissions violation") as refusal:
            await take(source, 1)
        assert "grant" in refusal.value.fix
