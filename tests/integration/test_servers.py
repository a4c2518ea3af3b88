"""The test servers themselves: each starts, keeps its data over SIGKILL, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers import SERVERS, Kafka, MongoDB, Nats, Server

pytestmark = pytest.mark.server("all")
StartServer = Callable[[type[Server]], Server]


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_server_keeps_its_port_over_kill_and_restart(kind: type[Server], start_server: StartServer) -> None:
    server = start_server(kind)
    url, first = server.url, server.pid

    server.kill()
    server.start()

    assert (server.url, server.pid == first) == (url, False)
    assert server.answers()


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_server_that_is_closed_leaves_no_process_and_no_folder(kind: type[Server], start_server: StartServer) -> None:
    server = start_server(kind)
    pid = server.pid

    server.close()

    assert not Path(f"/proc/{pid}").exists()
    assert not server.folder.exists()


def test_mongodb_keeps_journaled_documents_over_kill(start_server: StartServer) -> None:
    server = start_server(MongoDB)
    with MongoClient[dict[str, int]](server.url, w="majority", journal=True) as client:
        client.market.trades.insert_many([{"_id": n} for n in range(100)])

    server.kill()
    server.start()

    with MongoClient[dict[str, int]](server.url) as client:
        assert client.market.trades.count_documents({}) == 100


async def test_nats_keeps_a_stream_over_kill(start_server: StartServer) -> None:
    server = start_server(Nats)
    async with await nats.connect(server.url) as client:
        await client.jetstream().add_stream(name="MARKET", subjects=["market"])
        await client.jetstream().publish("market", b"{}")

    server.kill()
    server.start()

    async with await nats.connect(server.url) as client:
        assert (await client.jetstream().stream_info("MARKET")).state.messages == 1


async def test_kafka_keeps_a_topic_over_kill(start_server: StartServer) -> None:
    server = start_server(Kafka)
    async with kafka_admin(server.url) as admin:
        await admin.create_topics([NewTopic("market", num_partitions=2, replication_factor=1)])

    server.kill()
    server.start()

    async with kafka_admin(server.url) as admin:
        assert await admin.list_topics() == ["market"]


@pytest.mark.parametrize("database", ["mariadb_database", "postgresql_database"])
async def test_each_test_gets_an_empty_sql_database(database: str, request: pytest.FixtureRequest) -> None:
    engine = create_async_engine(request.getfixturevalue(database))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE facts (fact INTEGER PRIMARY KEY)"))
        assert (await connection.execute(text("SELECT count(*) FROM facts"))).scalar_one() == 0
    await engine.dispose()


def test_server_dies_with_a_test_process_that_is_killed() -> None:
    script = "from tests.servers import Nats; s = Nats(); s.start(); print(s.pid, s.folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdout is not None
        pid, folder = session.stdout.readline().split()
        session.send_signal(signal.SIGKILL)

    assert _ends(int(pid))
    assert not Path(folder).exists()


@asynccontextmanager
async def kafka_admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
