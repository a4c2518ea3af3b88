"""Blocking reads that nobody has to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises, from a thread of its own that no end of the process waits for.

    The threads of asyncio are waited for, and a read from a silent pipe ends when its writer likes.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], outcome: object) -> None:
        if not answer.done():
            settle(outcome)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], object] = (answer.set_result, work())
        # The top of a thread: whatever it is belongs to whoever asked.
        except Exception as error:
            outcome = (answer.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(tell, *outcome)

    Thread(target=run, name="aside", daemon=True).start()
    return await answer
