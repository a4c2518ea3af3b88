"""A circuit breaker: after enough failures in a row it stops asking, then asks carefully again.

    CLOSED ──failures──► OPEN ──recovery time──► HALF_OPEN ──successes──► CLOSED
                          ▲                          │
                          └────────failure───────────┘

It does no I/O and reads only the monotonic clock that it is given. In HALF_OPEN exactly one caller at a
time may probe. Whoever was allowed holds a permit and tells with it how it went: `record_success`,
`record_failure`, or `abandon` when it does not know. An answer counts only while its permit does: what a
call from before the opening says afterwards is old news.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

from storage.errors import OperatorError, TransientError, UnavailableError

T = TypeVar("T")


class BreakerState(StrEnum):
    """What the breaker lets through: everything, nothing, one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Permit:
    """Leave to call: one for all calls while the breaker is closed, one for each probe."""

    __slots__ = ()


class CircuitBreakerOpen(UnavailableError):
    """The breaker refused the call; `retry_after` seconds from now it may not."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the circuit breaker is open; next probe in {retry_after:.1f} s")
        self.retry_after = retry_after


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row, probes after `recovery_timeout` seconds.

    `success_threshold` good probes in a row close it again.
    """

    def __init__(
        self,
        failure_threshold: int = 5,
        recovery_timeout: float = 60.0,
        success_threshold: int = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failure_threshold = failure_threshold
        self._recovery_timeout = recovery_timeout
        self._success_threshold = success_threshold
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything: closed."""
        self._failures = 0
        self._successes = 0
        self._opened_at: float | None = None
        self._permit: Permit | None = Permit()

    @property
    def state(self) -> BreakerState:
        """The state now; OPEN becomes HALF_OPEN by the clock alone."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.retry_after() > 0 else BreakerState.HALF_OPEN

    def retry_after(self) -> float:
        """Seconds until a probe is allowed; 0 when it is, or when none is needed."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._recovery_timeout - self._clock())

    def allow(self) -> Permit | None:
        """The permit to go ahead, or None; in HALF_OPEN it makes the caller the one probe."""
        state = self.state
        if state is BreakerState.CLOSED:
            return self._permit
        if state is BreakerState.OPEN or self._permit is not None:
            return None
        self._permit = Permit()
        return self._permit

    def record_success(self, permit: Permit) -> None:
        """A call went well; enough of them in HALF_OPEN close the breaker."""
        if permit is not self._permit:
            return
        if self._opened_at is None:
            self._failures = 0
            return
        self._permit = None
        self._successes += 1
        if self._successes >= self._success_threshold:
            self.reset()

    def record_failure(self, permit: Permit) -> None:
        """A call failed; enough in a row open the breaker, one in HALF_OPEN opens it again."""
        if permit is not self._permit:
            return
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._failure_threshold:
            self._opened_at = self._clock()
            self._permit = None
            self._successes = 0

    def abandon(self, permit: Permit) -> None:
        """A call was given up without an answer: it tells nothing, and another may probe."""
        if permit is self._permit and self._opened_at is not None:
            self._permit = None

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let the block run if the breaker allows it, else raise CircuitBreakerOpen.

        Only TransientError and OperatorError count as failures: a rejected record says nothing of the store.
        """
        permit = self.allow()
        if permit is None:
            raise CircuitBreakerOpen(self.retry_after())
        try:
            yield
        except (TransientError, OperatorError):
            self.record_failure(permit)
            raise
        except BaseException:
            self.abandon(permit)
            raise
        self.record_success(permit)

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns, guarded."""
        with self.guard():
            return await attempt()
