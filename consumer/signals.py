"""SIGTERM and SIGINT: the first asks to drain, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first signal; on the second end the process with exit code 1.

    Ending at once loses nothing: what is not settled is delivered again.
    """
    asked = False

    def heard() -> None:
        nonlocal asked
        if asked:
            os._exit(1)
        asked = True
        stop()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
