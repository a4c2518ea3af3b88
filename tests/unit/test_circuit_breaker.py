"""When the breaker lets through, by a model and by hand."""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from storage import OperatorError, RejectedError, TransientError
from storage.circuit_breaker import BreakerState, CircuitBreaker, CircuitBreakerOpen, Permit
from tests.clock import Clock


def allowed(breaker: CircuitBreaker) -> Permit:
    permit = breaker.allow()
    assert permit is not None
    return permit


def state_of(breaker: CircuitBreaker) -> BreakerState:
    """Asked anew each time: mypy takes the state of a property for granted."""
    return breaker.state


def opened(clock: Clock, success_threshold: int = 1) -> CircuitBreaker:
    breaker = CircuitBreaker(2, 10, success_threshold, clock=clock)
    breaker.record_failure(allowed(breaker))
    breaker.record_failure(allowed(breaker))
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=Clock())
    breaker.record_failure(allowed(breaker))
    breaker.record_success(allowed(breaker))
    breaker.record_failure(allowed(breaker))
    breaker.record_failure(allowed(breaker))
    assert breaker.state is BreakerState.OPEN
    assert breaker.allow() is None


def test_after_the_recovery_time_exactly_one_probe_goes_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    assert [breaker.allow() is not None, breaker.allow() is not None] == [True, False]


def test_an_abandoned_probe_makes_room_for_another() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.abandon(allowed(breaker))
    assert breaker.allow() is not None


def test_a_failed_probe_opens_it_again_for_the_whole_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.record_failure(allowed(breaker))
    clock.now = 19.0
    assert breaker.state is BreakerState.OPEN
    assert breaker.retry_after() == 1.0


def test_a_good_probe_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    breaker.record_success(allowed(breaker))
    assert breaker.state is BreakerState.CLOSED


def test_as_many_good_probes_as_the_threshold_says_close_it() -> None:
    clock = Clock()
    breaker = opened(clock, success_threshold=2)
    clock.now = 10.0
    breaker.record_success(allowed(breaker))
    assert state_of(breaker) is BreakerState.HALF_OPEN
    breaker.record_success(allowed(breaker))
    assert state_of(breaker) is BreakerState.CLOSED


@pytest.mark.parametrize("answer", ["record_success", "record_failure", "abandon"])
def test_a_late_answer_from_before_the_opening_neither_ends_the_probe_nor_counts(answer: str) -> None:
    clock = Clock()
    breaker = CircuitBreaker(failure_threshold=1, recovery_timeout=10, clock=clock)
    late = allowed(breaker)
    breaker.record_failure(allowed(breaker))
    clock.now = 10.0
    probe = allowed(breaker)

    getattr(breaker, answer)(late)

    assert breaker.allow() is None
    assert state_of(breaker) is BreakerState.HALF_OPEN
    breaker.record_success(probe)
    assert state_of(breaker) is BreakerState.CLOSED


def test_a_late_answer_of_a_probe_says_nothing_of_the_next_one() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    first = allowed(breaker)
    breaker.abandon(first)
    allowed(breaker)

    breaker.record_success(first)

    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.allow() is None


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
    """Any interleaving of calls, answers in any order, however late, and waits.

    The model is written the plain way: it numbers the times between two changes of state, and an answer
    counts when its call was allowed in this one.
    """

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(3, 10, 2, clock=self.clock)
        self.era = 0
        self.failures = 0
        self.successes = 0
        self.open_until: float | None = None
        self.probe: Permit | None = None
        self.era_of: dict[Permit, int] = {}

    @rule(target=permits)
    def ask(self) -> object:
        half_open = self.open_until is not None and self.clock.now >= self.open_until
        permit = self.breaker.allow()
        assert (permit is not None) == (self.open_until is None or (half_open and self.probe is None))
        if permit is None:
            return multiple()
        self.era_of[permit] = self.era
        self.probe = permit if half_open else None
        return permit

    def counts(self, permit: Permit) -> bool:
        return self.era_of[permit] == self.era and (self.open_until is None or permit is self.probe)

    @rule(permit=permits)
    def succeed(self, permit: Permit) -> None:
        self.breaker.record_success(permit)
        if not self.counts(permit):
            return
        if self.open_until is None:
            self.failures = 0
            return
        self.probe = None
        self.successes += 1
        if self.successes == 2:
            self.open_until, self.failures, self.successes, self.era = None, 0, 0, self.era + 1

    @rule(permit=permits)
    def fail(self, permit: Permit) -> None:
        self.breaker.record_failure(permit)
        if not self.counts(permit):
            return
        self.failures += 1
        if self.open_until is not None or self.failures == 3:
            self.open_until, self.successes, self.probe, self.era = self.clock.now + 10, 0, None, self.era + 1

    @rule(permit=permits)
    def give_up(self, permit: Permit) -> None:
        self.breaker.abandon(permit)
        if permit is self.probe:
            self.probe = None

    @rule(seconds=st.sampled_from([1.0, 5.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self.open_until, self.failures, self.successes, self.probe, self.era = None, 0, 0, None, self.era + 1

    @invariant()
    def states_agree(self) -> None:
        if self.open_until is None:
            assert self.breaker.state is BreakerState.CLOSED
        else:
            half_open = self.clock.now >= self.open_until
            assert self.breaker.state is (BreakerState.HALF_OPEN if half_open else BreakerState.OPEN)


BreakerModel.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestBreakerModel = BreakerModel.TestCase
