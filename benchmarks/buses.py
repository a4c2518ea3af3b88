"""The buses, filled before anything is measured; every row reads them from the start, in a group of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from benchmarks.trades import SUBJECT
from config import load
from consumer.simulator.envelope import Simulated
from consumer.simulator.publish import publish
from consumer.simulator.publishers import open_publisher

Bus = dict[str, str]
"""The settings that tell tapestore to read it."""

CORE_SUBJECT = "core.trades"  # which no stream listens to
_readers = count(1)


def kafka(bootstrap: str, topic: str) -> Bus:
    """The settings of a consumer of the topic."""
    return {"SOURCE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "KAFKA_TOPICS": topic}


def jetstream(url: str) -> Bus:
    """The settings of a consumer of the stream."""
    return {"SOURCE": "jetstream", "NATS_URL": url, "NATS_STREAM": "BENCH", "NATS_SUBJECT": SUBJECT}


def nats(url: str) -> Bus:
    """The settings of a subscriber, who hears only what is published meanwhile."""
    return {"SOURCE": "nats", "NATS_URL": url, "NATS_SUBJECT": CORE_SUBJECT}


def file(path: str) -> Bus:
    """The settings of a reader of the file."""
    return {"SOURCE": "file", "REPLAY_FILES": path}


def new_reader(bus: Bus) -> Bus:
    """The same for a group and a durable that have read nothing yet."""
    name = f"bench-{next(_readers)}"
    return bus | {"KAFKA_GROUP_ID": name, "NATS_DURABLE": name}


def fill(bus: Bus, messages: Sequence[Simulated]) -> None:
    """Make the topic, stream or file where it is not there, and publish everything into it."""
    asyncio.run(_fill(bus, messages))


async def _fill(bus: Bus, messages: Sequence[Simulated]) -> None:
    to = bus.get("REPLAY_FILES", bus["SOURCE"])
    async with open_publisher(to, load(bus), create=True) as publisher:
        await publish(messages, publisher)
