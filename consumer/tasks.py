"""Ending a task for certain."""

from __future__ import annotations

import asyncio
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
