"""An eye on one store: is it there, how fast does it answer, and what was wrong last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from storage.errors import DatabaseError, OperatorError, UnavailableError
from storage.observer import AdapterMetrics

INTERVAL_SECONDS = 1.0
PATIENCE_SECONDS = 2.0
"""An answer that takes longer is none: a dead server is seen after three seconds."""
LOOKS_BETWEEN_METRICS = 10

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Health:
    """How a store is. `latency_ms`, `pool` and `server_version` are those of its last answer."""

    connected: bool = False
    latency_ms: float | None = None
    pool: Mapping[str, int | None] | None = None
    server_version: str | None = None
    last_error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


class Watch:
    """Connects one store and asks it about every second, from `start` to `stop`, whatever it answers.

    `connect` is tried until it works, `ping` from then on. `on_return` is called when the store is there
    again. Only DatabaseErrors are expected; of each the last is kept.
    """

    def __init__(
        self,
        name: str,
        *,
        connect: Step,
        ping: Step,
        metrics: Callable[[], Awaitable[AdapterMetrics]],
        on_return: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.health = Health(last_error="not connected yet")
        self.looked = asyncio.Event()
        self._name = name
        self._connect = connect
        self._ping = ping
        self._metrics = metrics
        self._on_return = on_return
        self._clock = clock
        self._is_open = False
        self._looks = 0
        self._known = AdapterMetrics()
        self._error: str | None = None
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._follow(), name=f"watch {self._name}")

    async def stop(self) -> None:
        """Let the look that is under way end, and look no more."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        self._task, self._is_open = None, False
        self.health = Health(last_error="shut down")
        self.looked.clear()

    async def look(self, *, closely: bool = False) -> Health:
        """Ask the store now; `closely` asks for its metrics too, which is done now and then anyway."""
        async with self._turn:
            try:
                await self._ask(closely or self._looks % LOOKS_BETWEEN_METRICS == 0)
            except DatabaseError as error:
                self._error = f"{error}; {error.fix}" if isinstance(error, OperatorError) else str(error)
                self.health = replace(self.health, connected=False, latency_ms=None, last_error=self._error)
            self._looks += 1
            self.looked.set()
            return self.health

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            await self.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), INTERVAL_SECONDS)

    async def _ask(self, closely: bool) -> None:
        if not self._is_open:
            await self._connect()
            self._is_open = True
        started = self._clock()
        await _in_time(self._ping())
        latency = (self._clock() - started) * 1000
        if closely or not self.health.connected:
            self._known = await _in_time(self._metrics())
        if not self.health.connected:
            self._on_return()
        pool, version = asdict(self._known.pool), self._known.server_version or None
        self.health = Health(True, round(latency, 3), pool, version, self._error)


async def _in_time(answer: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer
    except TimeoutError:
        raise UnavailableError(f"no answer within {PATIENCE_SECONDS:g} s") from None
