"""python -m benchmarks.pacer MESSAGES RATE: publishes trades to the bus of the environment, so many a second.

Prints, as JSON, when each of one symbol was handed to the bus: the machine's monotonic clock by document id.
The clock decides, not the bus: what is slow to be accepted delays nothing that comes after.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count

from msgspec.structs import replace

from benchmarks.buses import CORE_SUBJECT
from benchmarks.naive import document
from benchmarks.trades import trades
from config import load
from consumer.simulator.envelope import Simulated
from consumer.simulator.publishers import Publisher, open_publisher

STEP_SECONDS = 0.005
PROBE = "BTCUSDT"


async def pace(publisher: Publisher, messages: Sequence[Simulated], rate: int) -> list[float]:
    """Publish in small steps by the clock; returns when each message went."""
    loop, began, went = asyncio.get_running_loop(), time.monotonic(), []
    async with asyncio.TaskGroup() as publishing:
        for due_seconds, step in steps(messages, rate):
            await asyncio.sleep(began + due_seconds - loop.time())
            went += [time.monotonic()] * len(step)
            publishing.create_task(publisher.publish(step))
    return went


def steps(messages: Sequence[Simulated], rate: int) -> Iterator[tuple[float, Sequence[Simulated]]]:
    """What is published together, and when, in seconds from the beginning."""
    size = max(1, round(rate * STEP_SECONDS))
    starts = range(0, len(messages), size)
    yield from (
        (nth * size / rate, messages[start : start + size]) for nth, start in zip(count(), starts, strict=False)
    )


def core_trades(count: int) -> list[Simulated]:
    """Trades on a subject that no stream listens to."""
    return [replace(message, subject=CORE_SUBJECT) for message in trades(count)]


async def _main(messages: int, rate: int) -> None:
    settings, feed = load(), core_trades(messages)
    ids = [message_id(message) if message.key == PROBE else "" for message in feed]
    async with open_publisher(settings.source, settings) as publisher:
        went = await pace(publisher, feed, rate)
    print(json.dumps({key: when for key, when in zip(ids, went, strict=True) if key}))


def message_id(message: Simulated) -> str:
    """The key of the document that a trade becomes."""
    payload = json.loads(message.data)
    return str(document(payload.get("data", payload))["_id"])


if __name__ == "__main__":
    asyncio.run(_main(*map(int, sys.argv[1:3])))
