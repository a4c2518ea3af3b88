"""The Kafka source keeps the contract on a real broker, and what only Kafka has: groups, retention, transactions."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.codec import has_lz4

from config.bus import KafkaSettings
from consumer.errors import SourceRefused
from consumer.messages import Delivery, Settlement
from consumer.sources import kafka_turns
from consumer.sources.base import Source
from consumer.sources.kafka import KafkaSource
from consumer.sources.kafka_member import LEAVE_SECONDS
from tests.contracts.source import (
    LOTS,
    PATIENCE_SECONDS,
    BusUnderTest,
    SourceContract,
    data,
    numbered,
    settle_all,
    take,
    until,
)
from tests.integration.certificates import Authority
from tests.integration.kafka_bus import PASSWORD, KafkaUnderTest, OpenKafka
from tests.servers import Kafka

pytestmark = pytest.mark.server("kafka")


@pytest.fixture(scope="module")
def broker() -> Iterator[OpenKafka]:
    """A broker of our own: it is killed and started again."""
    if not Kafka.installed():
        pytest.skip("kafka is not installed: python -m tests.servers.install kafka")
    with OpenKafka() as server:
        yield server


@pytest.fixture
async def producer(broker: OpenKafka) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
        yield producer


@pytest.fixture
def kafka(broker: OpenKafka, unique_name: str, producer: AIOKafkaProducer) -> KafkaUnderTest:
    """The topic is not there yet."""
    return KafkaUnderTest(broker, unique_name, producer)


@asynccontextmanager
async def opened(bus: KafkaUnderTest, source: KafkaSource | None = None) -> AsyncIterator[KafkaSource]:
    """A source that has its partitions."""
    async with source or bus.source() as source:
        await bus.subscribed(source)
        yield source


class TestKafkaSource(SourceContract):
    @pytest.fixture
    async def bus(self, kafka: KafkaUnderTest) -> BusUnderTest:
        await kafka.make(partitions=1)  # so that there is one order
        return kafka


async def test_a_message_is_where_the_broker_says_it_is(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(3))
    async with opened(kafka) as source:
        last = (await take(source, 3))[-1].message
    assert (last.source, last.subject, last.position) == ("kafka", kafka.topic, f"{kafka.topic}/0/2")


async def test_a_topic_without_a_replica_is_known_as_a_risk_when_it_is_subscribed(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    async with opened(kafka) as source:
        assert source.risks == [f"topic {kafka.topic} has one replica: a disk that fails loses it; give it three"]


async def test_a_tombstone_and_headers_that_are_no_text_come_through(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.producer.send_and_wait(
        kafka.topic, None, key=b"BTCUSDT", headers=[("Bad", b"\xff\xfe"), ("None", None)]
    )
    async with opened(kafka) as source:
        (delivery,) = await take(source, 1)
    assert delivery.message.data == b""
    assert delivery.message.headers == {"bad": "\ufffd\ufffd", "none": ""}


async def test_a_commit_waits_for_the_first_message_that_is_not_settled(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(10))
    async with opened(kafka) as source:
        taken = await take(source, 10)
        await settle_all(source, taken[3:], Settlement.STORED)
        await settle_all(source, taken[:2], Settlement.REJECTED)
        await commits(kafka, 2)
        assert (await source.status()).details["unsettled"] == 1
        await settle_all(source, taken[2:3], Settlement.STORED)
        await commits(kafka, 10)


DOOMED = """
import asyncio, sys
from config.bus import KafkaSettings
from consumer.messages import Settlement
from consumer.sources.kafka import KafkaSource
from consumer.sources.kafka_member import LEAVE_SECONDS

async def main():
    settings = KafkaSettings.model_validate_json(sys.argv[1])
    async with KafkaSource(settings, prefetch_messages=1000, prefetch_bytes=1 << 20, session_seconds=1.0) as source:
        taken = []
        while len(taken) < 200:
            taken += await source.receive(200, 1 << 20)
        for delivery in reversed(taken[:30] + taken[50:]):
            delivery.settle(Settlement.STORED)
        await source.flush()
        print("flushed", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_nothing_is_lost_when_a_member_is_killed(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(300))
    arguments = ("-c", DOOMED, kafka.settings().model_dump_json())
    doomed = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
    assert doomed.stdout is not None
    while await doomed.stdout.readline() != b"flushed\n":
        assert doomed.returncode is None
    await commits(kafka, 30)
    doomed.kill()
    await doomed.communicate()
    async with kafka.source() as source:
        assert data(await take(source, 270, settle=Settlement.STORED)) == numbered(300)[30:]


async def test_what_was_given_back_comes_again_with_all_that_follows_it(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(5))
    async with opened(kafka) as source:
        taken = await take(source, 4)
        await settle_all(source, [taken[0], taken[2]], Settlement.STORED)
        await settle_all(source, [taken[1]], Settlement.LATER)
        again = await take(source, 4, settle=Settlement.STORED)
        assert data(again) == numbered(5)[1:]
        assert [delivery.message.deliveries for delivery in again] == [2, 2, 2, 1]
        taken[3].settle(Settlement.STORED)  # this life of the partition is over: nobody minds
        status = await until(source, lambda status: status.lag == 0)
        assert status.redelivered == 3


class Worker:
    """Settles what it receives a little later, and everything at once when partitions are taken away."""

    def __init__(self, source: KafkaSource) -> None:
        self.source = source
        self.received: list[Delivery] = []
        self.open: list[Delivery] = []
        self.revoked = 0
        source.before_revoke = self.finish

    async def finish(self) -> None:
        self.revoked += 1
        await self.settle(len(self.open))

    async def settle(self, count: int) -> None:
        done, self.open = self.open[:count], self.open[count:]
        await settle_all(self.source, done, Settlement.STORED)

    async def work(self) -> None:
        while True:
            chunk = await self.source.receive(20, LOTS)
            self.received += chunk
            self.open += chunk
            await self.settle(len(self.open) - 60)
            await asyncio.sleep(0.01)


async def test_members_share_the_partitions_and_nothing_is_lost_when_they_come_and_go(kafka: KafkaUnderTest) -> None:
    await kafka.make(partitions=4)
    sent = numbered(2000)
    await kafka.publish(*sent)
    async with opened(kafka) as first:
        one = Worker(first)
        working = asyncio.create_task(one.work())
        await holds(lambda: len(one.received) > 300)
        async with opened(kafka) as second:
            two = Worker(second)
            assert one.revoked == 1
            assert (await first.status()).details["partitions"] == 2
            joined = asyncio.create_task(two.work())
            await holds(lambda: len(two.received) > 300)
            joined.cancel()
            await two.finish()
        await holds(lambda: len(one.received) + len(two.received) >= 2000)
        working.cancel()
        await one.finish()
        await until(first, lambda status: status.lag == 0)
    received = data(one.received) + data(two.received)
    assert sorted(received) == sorted(sent), "each came once: all that was given was settled before it was let go"
    assert sum([await kafka.committed(partition) or 0 for partition in range(4)]) == 2000


def said_to_be_scattered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody says all the time that messages go to very many places."""
    monkeypatch.setattr(KafkaSource, "scattered", property(lambda _: True, lambda *_: None))


async def test_what_waits_comes_by_its_keys_where_messages_are_scattered(
    kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_to_be_scattered(monkeypatch)
    await kafka.make()
    sent = numbered(3000)
    for number, each in enumerate(sent):
        await kafka.producer.send(kafka.topic, each, key=b"BTC ETH SOL".split()[number % 3])
    await kafka.producer.flush()
    async with opened(kafka, kafka.source(prefetch_messages=500, sorted_messages=3000)) as source:
        taken = await take(source, 500, max_messages=100)
        await until(source, lambda status: status.details["unsettled"] == 3000)
        taken += await take(source, 2500, max_messages=100)
        assert sorted(data(taken)) == sorted(sent)
        for first in range(3):
            assert [each for each in data(taken) if each in sent[first::3]] == sent[first::3], "a key keeps its order"
        stretches = len(list(groupby(sent.index(each) % 3 for each in data(taken[1000:]))))
        assert stretches < 12, (
            f"{stretches}: there are a few bundles of each key, and before them what came before it was said"
        )
        await settle_all(source, taken[1:], Settlement.STORED)
        await commits(kafka, 0)
        await settle_all(source, taken[:1], Settlement.STORED)
        await commits(kafka, 3000)


async def test_partitions_that_are_far_behind_take_turns_where_messages_are_scattered(
    kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_turns, "FAR_BEHIND", 500)
    monkeypatch.setattr(kafka_turns, "TURN_SECONDS", 60.0)  # until it has caught up, however busy the machine is
    monkeypatch.setattr(kafka_turns, "SILENT_SECONDS", 60.0)
    await kafka.make(3)
    sent = numbered(6000, size=4000)  # a fetch brings a quarter of a thousand of each partition
    await kafka.publish(*sent)
    said_to_be_scattered(monkeypatch)
    async with opened(kafka, kafka.source(prefetch_messages=500)) as source:
        await until(source, lambda status: status.lag is not None)  # until it is known how far they go
        taken = await take(source, 6000, max_messages=100, settle=Settlement.STORED)
    assert sorted(data(taken)) == sorted(sent)
    stretches = len(list(groupby(delivery.message.partition for delivery in taken)))
    assert stretches <= 14, f"{stretches}: read together it would be more than twenty"


async def test_a_settlement_for_a_partition_that_is_gone_commits_nothing(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(10))
    async with opened(kafka) as first:
        taken = await take(first, 10)
        async with opened(kafka):  # one of the two has nothing now, and both begin anew
            await settle_all(first, taken, Settlement.STORED)
            await asyncio.sleep(1)
            assert await kafka.committed() == 0


async def test_before_revoke_has_a_budget(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    async with opened(kafka, kafka.source(kafka.settings(revoke_seconds=0.3))) as slow:
        slow.before_revoke = asyncio.Event().wait  # type: ignore[assignment]  # its answer is of no interest
        async with asyncio.timeout(5), opened(kafka):
            await until(slow, lambda status: status.subscribed)


async def test_a_member_that_does_not_receive_stays_a_member(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    sent = numbered(500)
    await kafka.publish(*sent)
    source = kafka.source(prefetch_messages=20, max_poll_seconds=0.8)
    async with opened(kafka, source):
        worker = Worker(source)
        taken = await take(source, 10)
        await asyncio.sleep(2.5)
        assert worker.revoked == 0
        await settle_all(source, taken, Settlement.STORED)
        await commits(kafka, 10)
        assert data(await take(source, 490, settle=Settlement.STORED)) == sent[10:]
        assert worker.revoked == 0


@pytest.mark.parametrize(("codec", "readable"), [("gzip", True), ("lz4", has_lz4())])
async def test_what_the_broker_keeps_compressed_comes_or_a_person_is_called(
    kafka: KafkaUnderTest, codec: str, readable: bool
) -> None:
    await kafka.make(configs={"compression.type": codec})
    await kafka.publish(*numbered(10))
    async with kafka.source() as source:
        if readable:
            assert data(await take(source, 10)) == numbered(10)
        else:
            await until(source, lambda status: "install cramjam" in status.problem)


async def test_a_broker_that_hangs_does_not_hang_the_status(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    async with opened(kafka, kafka.source(session_seconds=10)) as source:
        os.kill(kafka.broker.pid, signal.SIGSTOP)
        try:
            await until(source, lambda status: not status.connected)
            async with asyncio.timeout(1):
                assert not (await source.status()).connected
        finally:
            os.kill(kafka.broker.pid, signal.SIGCONT)
        await kafka.publish(b"after")
        assert data(await take(source, 1)) == [b"after"]


# aiokafka, stopped while the broker hangs, may forget a socket
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_that_hangs_holds_up_the_end_for_a_while_only(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    tasks = asyncio.all_tasks()
    async with kafka.source(session_seconds=10) as source:
        await until(source, lambda status: status.subscribed)
        os.kill(kafka.broker.pid, signal.SIGSTOP)
        try:
            before = time.monotonic()
            await source.close()
            assert time.monotonic() - before < 1.5 * LEAVE_SECONDS
        finally:
            os.kill(kafka.broker.pid, signal.SIGCONT)
    if alone := asyncio.all_tasks() - tasks:
        await asyncio.wait(alone)
    del source, alone
    gc.collect()


async def test_closing_while_the_broker_is_away_leaves_nothing_behind(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    before = asyncio.all_tasks()
    source = kafka.source()
    await source.open()
    await kafka.subscribed(source)
    async with kafka.away():
        await until(source, lambda status: not status.connected)
        async with asyncio.timeout(1.5 * LEAVE_SECONDS):
            await source.close()
        assert asyncio.all_tasks() == before


async def test_what_retention_took_away_is_told_and_the_rest_comes(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(10))
    async with opened(kafka) as source:
        await take(source, 3, settle=Settlement.STORED)
    await kafka.delete_until(7)
    async with kafka.source() as source:
        assert data(await take(source, 3, settle=Settlement.STORED)) == numbered(10)[7:]
        assert source.lost_ranges == [(f"{kafka.topic}/0", 3, 7)]
        status = await until(source, lambda status: status.lag == 0)
        assert status.details["lost_offsets"] == 4
        assert status.problem == f"offsets 3 to 6 of {kafka.topic}/0 were out of retention"


async def test_a_topic_that_was_made_anew_is_read_from_its_start(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(*numbered(10))
    async with opened(kafka) as source:
        await take(source, 10, settle=Settlement.STORED)
    async with kafka.admin() as admin:
        await admin.delete_topics([kafka.topic])
    await asyncio.sleep(0.5)
    await kafka.make()
    await kafka.publish(b"new")
    async with kafka.source() as source:
        assert data(await take(source, 1)) == [b"new"]
        assert source.lost_ranges == []


async def test_only_what_a_transaction_committed_comes_and_its_markers_are_no_lag(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    async with AIOKafkaProducer(bootstrap_servers=kafka.broker.url, transactional_id=kafka.topic) as producer:
        async with producer.transaction():
            await producer.send_and_wait(kafka.topic, b"committed")
        await producer.begin_transaction()
        await producer.send_and_wait(kafka.topic, b"aborted")
        await producer.abort_transaction()
    async with opened(kafka) as source:
        assert data(await take(source, 1, settle=Settlement.STORED)) == [b"committed"]
        await until(source, lambda status: status.lag == 0)
    assert await kafka.committed() == 4


async def test_a_topic_that_is_not_there_is_asked_for_loudly_and_never_made(kafka: KafkaUnderTest) -> None:
    async with kafka.source() as source:
        status = await until(source, lambda status: "no topic" in status.problem)
        assert status.problem == f"no topic {kafka.topic} for this user: make it, or correct KAFKA_TOPICS"
        with pytest.raises(SourceRefused, match="no topic"):
            await source.receive(1, LOTS)
        async with kafka.admin() as admin:
            assert kafka.topic not in await admin.list_topics()
        await kafka.make()
        await kafka.publish(b"at last")
        assert data(await take_in_spite_of_refusals(source)) == [b"at last"]
        assert not (await source.status()).problem


async def test_a_missing_topic_does_not_hold_up_another(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    await kafka.publish(b"here")
    settings = kafka.settings(topics=(kafka.topic, f"{kafka.topic}-later"))
    async with kafka.source(settings) as source:
        assert data(await take_in_spite_of_refusals(source)) == [b"here"]
        status = await until(source, lambda status: bool(status.problem))
        assert f"{kafka.topic}-later" in status.problem


@pytest.mark.parametrize("password", [PASSWORD, "wrong-canary"])
async def test_a_password_opens_the_door_or_a_person_is_called(kafka: KafkaUnderTest, password: str) -> None:
    await kafka.make()
    settings = kafka.settings(
        bootstrap_servers=kafka.broker.sasl,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="tape",
        sasl_password=password,
    )
    await opens_or_is_refused(kafka, settings, opens=password == PASSWORD, fix="KAFKA_SASL_PASSWORD")


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_is_verified(kafka: KafkaUnderTest, trusted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    await kafka.make()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(kafka.broker.certificate))
    settings = kafka.settings(bootstrap_servers=kafka.broker.tls, security_protocol="SSL")
    await opens_or_is_refused(kafka, settings, opens=trusted, fix="trusts the brokers' certificates")


def by_tls(kafka: KafkaUnderTest, ca_file: Path, bootstrap_servers: str) -> KafkaSettings:
    return kafka.settings(bootstrap_servers=bootstrap_servers, security_protocol="SSL", tls_ca_file=ca_file)


async def test_the_authority_of_the_setting_is_trusted(kafka: KafkaUnderTest) -> None:
    await kafka.make()
    settings = by_tls(kafka, kafka.broker.certificate, kafka.broker.tls)
    await opens_or_is_refused(kafka, settings, opens=True, fix="")


async def test_another_authority_is_refused(kafka: KafkaUnderTest, tmp_path: Path) -> None:
    settings = by_tls(kafka, Authority(tmp_path, "stranger").ca_file, kafka.broker.tls)
    await opens_or_is_refused(kafka, settings, opens=False, fix="trusts the brokers' certificates")


async def test_another_host_name_is_refused(kafka: KafkaUnderTest) -> None:
    settings = by_tls(kafka, kafka.broker.certificate, kafka.broker.tls.replace("127.0.0.1", "localhost"))
    await opens_or_is_refused(kafka, settings, opens=False, fix="trusts the brokers' certificates")


async def test_a_broker_without_tls_is_not_spoken_to(kafka: KafkaUnderTest) -> None:
    async with kafka.source(by_tls(kafka, kafka.broker.certificate, kafka.broker.url)) as source:
        status = await until(source, lambda status: "ConnectionResetError" in status.problem)
        assert (status.connected, status.subscribed) == (False, False)


async def test_an_authority_that_cannot_be_read_is_named_with_its_setting(
    kafka: KafkaUnderTest, tmp_path: Path
) -> None:
    settings = by_tls(kafka, tmp_path / "no.pem", kafka.broker.tls)
    await opens_or_is_refused(kafka, settings, opens=False, fix="KAFKA_TLS_CA_FILE")


async def opens_or_is_refused(kafka: KafkaUnderTest, settings: KafkaSettings, *, opens: bool, fix: str) -> None:
    async with kafka.source(settings) as source:
        if opens:
            await kafka.subscribed(source)
            return
        status = await until(source, lambda status: fix in status.problem)
        assert "canary" not in status.problem
        with pytest.raises(SourceRefused) as refused:
            await source.receive(1, LOTS)
        assert fix in refused.value.fix


async def take_in_spite_of_refusals(source: Source) -> list[Delivery]:
    """What comes first, however often a person was called before."""
    taken: list[Delivery] = []
    async with asyncio.timeout(20):
        while not taken:
            try:
                taken += await source.receive(10, LOTS)
            except SourceRefused:
                await asyncio.sleep(0.05)
    return taken


async def commits(kafka: KafkaUnderTest, offset: int) -> None:
    """Wait until the group has committed this offset and nothing beyond it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (committed := await kafka.committed()) != offset:
        assert time.monotonic() < deadline, committed
        await asyncio.sleep(0.05)


async def holds(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
