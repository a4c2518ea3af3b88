"""The synchronous twin of something asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def blocking(work: Callable[[], Coroutine[Any, Any, T]], twin: str) -> T:
    """The result of `work`; raises RuntimeError where an event loop runs already, and names the twin to await."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    raise RuntimeError(f"an event loop is running here: await {twin} instead")
