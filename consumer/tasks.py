"""Ending a task for certain, and waiting for something, but not longer than is good."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

INSIST_SECONDS = 0.5


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until all of them have ended; what they raised stays in them.

    Once is not enough: in Python 3.11 `asyncio.wait_for`, which the drivers use, swallows a cancellation that
    comes at the moment at which it has its result (https://github.com/python/cpython/issues/86296).
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=INSIST_SECONDS)


async def occurs(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until the event is set, so long at most; None: however long it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
