"""Whether the process lives: its event loop turns, and when there is work, work is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from consumer.telemetry import events, metrics
from consumer.telemetry.declare import catch_up

BEAT_SECONDS = 0.5
SLOW_SECONDS = 1.0
"""A beat that comes later than this is worth a log line."""


class Heartbeat:
    """When the event loop last woke a timer up, and how late it was."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expected = clock() + BEAT_SECONDS
        self.lag = 0.0

    def beat(self) -> None:
        """The timer woke up."""
        now = self._clock()
        self.lag = max(0.0, now - self._expected)
        self._expected = now + BEAT_SECONDS
        metrics.LOOP_LAG.set(self.lag)
        if self.lag > SLOW_SECONDS:
            events.slow_loop(self.lag)

    def stalled_seconds(self) -> float:
        """How late the loop is right now, the beat that has not come yet included."""
        return max(self.lag, self._clock() - self._expected)


@asynccontextmanager
async def beating(
    heartbeat: Heartbeat, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncIterator[Heartbeat]:
    """Let it beat while the context lasts; lines that events held back are written on the way."""
    task = asyncio.create_task(_beat(heartbeat, sleep), name="heartbeat")
    try:
        yield heartbeat
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _beat(heartbeat: Heartbeat, sleep: Callable[[float], Awaitable[object]]) -> None:
    while True:
        await sleep(BEAT_SECONDS)
        heartbeat.beat()
        catch_up()


@dataclass(frozen=True, slots=True)
class Work:
    """What the watchdog looks at: `progress` grows with every message received or settled.

    `lag` is what the bus has for us, None where nobody knows. `able` is false while an outage explains
    that nothing moves: the source is away, the breaker is not closed, the pull waits for an operator.
    """

    progress: int
    lag: int | None
    able: bool

    @property
    def hindered(self) -> bool:
        """Whether there is a reason outside for nothing to move."""
        return self.lag is None or not self.able


class Watchdog:
    """Tells a process that is stuck from one that waits.

    Stuck means: the event loop is late by more than `loop_seconds`, or there is work, nothing hinders it,
    and nothing moved for `progress_seconds`. An outage is never a reason to be killed; but what hinders for less
    than `outage_seconds` is none: a source that only subscribes again and again, and gets nothing, is stuck.
    """

    def __init__(
        self,
        *,
        loop_seconds: float = 10.0,
        progress_seconds: float = 120.0,
        outage_seconds: float = 15.0,
        clock: Callable[[], float],
    ) -> None:
        self._loop_seconds = loop_seconds
        self._progress_seconds = progress_seconds
        self._outage_seconds = outage_seconds
        self._clock = clock
        self._progress = -1
        self._moved = clock()
        self._hindered_since: float | None = None

    def look(self, work: Work) -> float:
        """Note where the work stands, each second or so; returns for how many it could have moved and did not."""
        now = self._clock()
        is_outage = self._is_outage(work, now)
        if is_outage or work.lag == 0 or work.progress != self._progress:
            self._progress, self._moved = work.progress, now
        return now - self._moved

    def _is_outage(self, work: Work, now: float) -> bool:
        if not work.hindered:
            self._hindered_since = None
            return False
        if self._hindered_since is None:
            self._hindered_since = now
        return now - self._hindered_since >= self._outage_seconds

    def verdict(self, work: Work, loop_lag: float) -> str:
        """Why the process is stuck, or "" when it lives."""
        still = self.look(work)
        if loop_lag > self._loop_seconds:
            return f"the event loop is {loop_lag:.1f} s late"
        if still > self._progress_seconds:
            waiting = "some" if work.lag is None else work.lag
            return f"{waiting} messages wait and nothing moved for {still:.0f} s"
        return ""
