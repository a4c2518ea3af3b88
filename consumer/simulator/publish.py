"""Sends a simulated market somewhere: at a rate, in chunks, each chunk safe before the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from consumer.simulator.envelope import Simulated
from consumer.simulator.publishers.base import Publisher

CHUNK = 500
CHUNKS_A_SECOND = 20


def _ignore(published: int) -> None:
    """Nobody wants to know."""


async def publish(
    messages: Iterable[Simulated],
    publisher: Publisher,
    *,
    rate: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> int:
    """Publish all messages, at most `rate` a second, and tell `progress` how many so far; returns how many.

    Give it a bounded iterable: `islice(market, count)`.
    """
    clock = asyncio.get_running_loop().time
    stream, began, published = iter(messages), clock(), 0
    while chunk := list(islice(stream, chunk_size(rate))):
        await publisher.publish(chunk)
        published += len(chunk)
        progress(published)
        await asyncio.sleep(pause(published, clock() - began, rate))
    return published


def chunk_size(rate: float | None) -> int:
    """How many messages go at once: few enough that a slow rate still flows evenly."""
    return CHUNK if rate is None else max(1, min(CHUNK, round(rate / CHUNKS_A_SECOND)))


def pause(published: int, elapsed_seconds: float, rate: float | None) -> float:
    """How many seconds to wait so that no more than `rate` a second are published."""
    return 0.0 if rate is None else max(0.0, published / rate - elapsed_seconds)
