"""When the breaker lets through, by a model and by hand."""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage import OperatorError, RejectedError, TransientError
from storage.circuit_breaker import BreakerState, CircuitBreaker, CircuitBreakerOpen


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failure_threshold=2, recovery_timeout=10, clock=clock)
    breaker.record_failure()
    breaker.record_failure()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=Clock())
    breaker.record_failure()
    breaker.record_success()
    breaker.record_failure()
    assert breaker.allow()
    breaker.record_failure()
    assert breaker.state is BreakerState.OPEN
    assert not breaker.allow()


def test_after_the_recovery_time_exactly_one_probe_goes_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    assert [breaker.allow(), breaker.allow()] == [True, False]


def test_an_abandoned_probe_makes_room_for_another() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.allow()
    breaker.abandon()
    assert breaker.allow()


def test_a_failed_probe_opens_it_again_for_the_whole_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.allow()
    breaker.record_failure()
    clock.now = 19.0
    assert breaker.state is BreakerState.OPEN
    assert breaker.retry_after() == 1.0


def test_a_good_probe_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.allow()
    breaker.record_success()
    assert breaker.state is BreakerState.CLOSED


async def test_call_counts_only_what_speaks_of_the_store() -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=Clock())

    async def fail(error: Exception) -> None:
        raise error

    for error in (RejectedError("bad record"), RejectedError("bad record"), TransientError("election")):
        with pytest.raises(type(error)):
            await breaker.call(partial(fail, error))
    assert breaker.state is BreakerState.CLOSED
    with pytest.raises(OperatorError):
        await breaker.call(lambda: fail(OperatorError("password", fix="set it")))
    with pytest.raises(CircuitBreakerOpen):
        await breaker.call(lambda: fail(AssertionError("must not be asked")))


class BreakerModel(RuleBasedStateMachine):
    """Any interleaving of answers and waits: the breaker agrees with a model written the plain way."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(3, 10, 2, clock=self.clock)
        self.failures = 0
        self.successes = 0
        self.open_until: float | None = None
        self.probes = 0
        self.running = 0

    @rule()
    def ask(self) -> None:
        half_open = self.open_until is not None and self.clock.now >= self.open_until
        expected = self.open_until is None or (half_open and self.probes == 0)
        assert self.breaker.allow() == expected
        self.running += expected
        self.probes += expected and half_open

    @rule(good=st.booleans())
    def answer(self, good: bool) -> None:
        if not self.running:
            return
        self.running -= 1
        self.probes = 0
        if not good:
            self.breaker.record_failure()
            self.failures, self.successes = self.failures + 1, 0
            if self.open_until is not None or self.failures >= 3:
                self.open_until = self.clock.now + 10
            return
        self.breaker.record_success()
        if self.open_until is None:
            self.failures = 0
        else:
            self.successes += 1
            if self.successes == 2:
                self.open_until, self.failures, self.successes = None, 0, 0

    @rule(seconds=st.sampled_from([1.0, 5.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def states_agree(self) -> None:
        if self.open_until is None:
            assert self.breaker.state is BreakerState.CLOSED
        else:
            half_open = self.clock.now >= self.open_until
            assert self.breaker.state is (BreakerState.HALF_OPEN if half_open else BreakerState.OPEN)


BreakerModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestBreakerModel = BreakerModel.TestCase
