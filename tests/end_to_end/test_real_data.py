"""Recorded market data, real messages with real ids, through each bus; counted by a few independent lines."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.end_to_end.command import dead_letters, documents, running, tapestore
from tests.end_to_end.conftest import BUSES, Told

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FILES = sorted(DATA.glob("*.jsonl.gz"))


def lines(file: Path) -> Iterator[bytes]:
    with gzip.open(file) as opened:
        yield from (line.rstrip(b"\n") for line in opened)


def expected(file: Path) -> dict[str, int]:
    """Documents by collection, counted without any of our code."""
    keys: set[tuple[str, object]] = set()
    for line in lines(file):
        data = json.loads(line)["data"]
        event, symbol = data.get("e", "bookTicker"), data["s"]
        if event == "kline":
            keys.add((f"candles_{symbol}_{data['k']['i']}", data["k"]["t"]))
        elif event == "aggTrade":
            keys.add((f"agg_trades_{symbol}", (data["T"], data["a"])))
        elif event == "depthUpdate":
            keys.add((f"depth_{symbol}", (data["U"], data["u"])))
        else:
            keys.add((f"book_tickers_{symbol}", data["u"]))
    return Counter(collection for collection, _ in keys)


async def to_jetstream(told: Told, messages: list[bytes], *, stream: bool) -> None:
    client = await nats.connect(told["NATS_URL"])
    try:
        if stream:
            await client.jetstream().add_stream(name=told["NATS_STREAM"], subjects=[told["NATS_SUBJECT"]])
        for message in messages:
            await client.publish(told["NATS_SUBJECT"], message)
        await client.flush()
    finally:
        await client.close()


async def to_kafka(told: Told, messages: list[bytes]) -> None:
    servers, topic = told["KAFKA_BOOTSTRAP_SERVERS"], told["KAFKA_TOPICS"]
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number, message in enumerate(messages):
            await producer.send(topic, message, partition=number % 3)


def record(told: Told, messages: list[bytes]) -> None:
    match told["SOURCE"]:
        case "file":
            Path(told["REPLAY_FILES"]).with_suffix("").write_bytes(b"\n".join(messages) + b"\n")
            told["REPLAY_FILES"] = str(Path(told["REPLAY_FILES"]).with_suffix(""))
        case "kafka":
            asyncio.run(to_kafka(told, messages))
        case "jetstream":
            asyncio.run(to_jetstream(told, messages, stream=True))
    if told["SOURCE"] != "nats":
        tapestore("run", "--until-idle", "1.5", told=told)
        return
    with running("run", "--until-idle", "3", told=told) as service:
        service.wait_ready()
        asyncio.run(to_jetstream(told, messages, stream=False))
        assert service.wait().code == 0


@pytest.mark.skipif(not FILES, reason="the recorded market data is not beside this checkout")
@pytest.mark.parametrize("store", ["local"], indirect=True)
@pytest.mark.parametrize("bus", BUSES, indirect=True)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.split(".")[0])
def test_each_recorded_event_is_one_document(file: Path, bus: Told, store: Told) -> None:
    told = bus | store
    record(told, list(lines(file)))
    found = {name: len(rows) for name, rows in documents(told).items()}
    assert found == expected(file)
    assert dead_letters(told) == []
    tapestore("verify", told=told)
