"""Try again, for ever, with full jitter, behind one circuit breaker: the only waiting on the way to the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from config.flow import RetrySettings
from consumer.errors import explained
from consumer.telemetry import events
from storage import OperatorError, TransientError
from storage.circuit_breaker import BreakerState, CircuitBreaker, Permit

T = TypeVar("T")


class GaveUp(Exception):
    """The service stops while the store does not take the write: it goes back to the bus."""


def delays(base: float, cap: float, uniform: Callable[[float, float], float] = random.uniform) -> Iterator[float]:
    """Seconds to wait before each new try: random up to a bound that doubles (AWS "full jitter")."""
    bound = base
    while True:
        yield uniform(0, bound)
        bound = min(cap, bound * 2)


class Retrier:
    """Runs writes until they succeed.

    `healthy` is set while the breaker is closed: whoever pulls waits for it. `problem` says which write the store
    does not take and why, at once when a person has to act. After `stop()` a write is tried on only while the breaker
    is closed, then GaveUp.
    """

    def __init__(
        self,
        settings: RetrySettings,
        breaker: CircuitBreaker,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self.breaker = breaker
        self._problems: dict[object, str] = {}
        self._sleep = sleep
        self._stopping = asyncio.Event()
        self.healthy = asyncio.Event()
        self.healthy.set()

    @property
    def problem(self) -> str:
        """Of the writes that go on failing the oldest one's, until it succeeds; "" when there is none."""
        return next(iter(self._problems.values()), "")

    def stop(self) -> None:
        """Stop waiting for a store that is down."""
        self._stopping.set()

    def delays(self) -> Iterator[float]:
        """A new row of delays."""
        return delays(self._settings.base_seconds, self._settings.max_seconds)

    async def call(self, kind: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of `attempt`, however often it takes; raises GaveUp when the service stops first."""
        writing = object()
        try:
            for tries, delay in enumerate(self.delays(), 1):
                permit = await self._permit()
                try:
                    result = await attempt()
                except asyncio.CancelledError:
                    self.breaker.abandon(permit)
                    raise
                # Unknown errors are retried and named: giving up on one would lose data (design: outcome "unknown").
                except Exception as error:
                    self._failed(permit, kind, error, delay)
                    if self._lasts(error, tries):
                        self._problems[writing] = f"{kind}: {explained(error)}"
                else:
                    self._succeeded(permit)
                    return result
                await self.pause(delay)
            raise AssertionError("delays never end")
        finally:
            self._problems.pop(writing, None)

    def _lasts(self, error: Exception, tries: int) -> bool:
        """Whether it is more than a hiccup; others may be written meanwhile, so the breaker need not open."""
        is_open = self.breaker.state is not BreakerState.CLOSED
        return is_open or isinstance(error, OperatorError) or tries >= self._settings.failure_threshold

    async def pause(self, seconds: float) -> None:
        """Wait before the next try; raises GaveUp when the service stops and the store is down."""
        if self._stopping.is_set() and self.breaker.state is not BreakerState.CLOSED:
            raise GaveUp
        await self._sleep(seconds)

    async def _permit(self) -> Permit:
        while (permit := self.breaker.allow()) is None:
            await self.pause(min(0.5, max(0.02, self.breaker.retry_after())))
        return permit

    def _failed(self, permit: Permit, kind: str, error: Exception, delay: float) -> None:
        before = self.breaker.state
        self.breaker.record_failure(permit)
        match error:
            case OperatorError():
                events.operator_needed(error)
            case TransientError():
                events.write_retried(kind, error, delay)
            case _:
                events.unknown_error(f"writing {kind}", error)
        if before is BreakerState.CLOSED and self.breaker.state is not BreakerState.CLOSED:
            self.healthy.clear()
            events.breaker_changed(self.breaker.state)

    def _succeeded(self, permit: Permit) -> None:
        self.breaker.record_success(permit)
        if self.breaker.state is BreakerState.CLOSED and not self.healthy.is_set():
            self.healthy.set()
            events.breaker_changed(self.breaker.state)
