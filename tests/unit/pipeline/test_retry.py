"""When a write is tried again; why the store takes none: known as long as it matters, and no longer."""

from itertools import islice

import pytest

from config.flow import RetrySettings
from consumer.pipeline.retry import Retrier, delays
from storage import DatabaseError, OperatorError, UnavailableError
from storage.circuit_breaker import BreakerState, CircuitBreaker


async def no_sleep(_seconds: float) -> None:
    """Tests do not wait."""


@pytest.mark.parametrize(
    ("errors", "seen"),
    [
        ([OperatorError("full", fix="make room")], ["", "trades: full: make room"]),
        ([UnavailableError("gone")], ["", ""]),
        ([UnavailableError("gone")] * 3, ["", "", "trades: gone", "trades: gone"]),
    ],
    ids=["a person must act", "it may pass", "the breaker is open"],
)
async def test_the_problem_is_told_until_a_write_succeeds(errors: list[DatabaseError], seen: list[str]) -> None:
    retrier = Retrier(RetrySettings(), CircuitBreaker(failure_threshold=2, recovery_timeout=0), sleep=no_sleep)
    failures, problems = iter(errors), []

    async def attempt() -> None:
        problems.append(retrier.problem)
        if error := next(failures, None):
            raise error

    await retrier.call("trades", attempt)
    assert problems == seen
    assert retrier.problem == ""


async def test_what_another_write_does_hides_no_problem() -> None:
    """Letters that cannot be written are told of while the trades beside them are stored."""
    retrier = Retrier(RetrySettings(failure_threshold=3), CircuitBreaker(failure_threshold=3), sleep=no_sleep)
    problems = []

    async def trades() -> None:
        """They are written."""

    async def letters() -> None:
        problems.append(retrier.problem)
        await retrier.call("trades", trades)
        if len(problems) < 5:
            raise UnavailableError("gone")

    await retrier.call("dead_letters", letters)
    assert problems == ["", "", "", "dead_letters: gone", "dead_letters: gone"]
    assert (retrier.problem, retrier.breaker.state) == ("", BreakerState.CLOSED)


def test_the_bound_of_a_delay_doubles_up_to_a_limit() -> None:
    bounds = list(islice(delays(0.1, 1.0, uniform=lambda _, bound: bound), 6))
    assert bounds == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_delay_is_anywhere_up_to_its_bound_so_that_pods_do_not_come_back_at_once() -> None:
    asked: list[tuple[float, float]] = []

    def least(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    assert list(islice(delays(0.1, 1.0, uniform=least), 2)) == [0.0, 0.0]
    assert asked == [(0, 0.1), (0, 0.2)]


async def test_before_each_new_try_it_waits_by_these_delays() -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    retrier = Retrier(RetrySettings(), CircuitBreaker(failure_threshold=9, recovery_timeout=0), sleep=note)
    failures = iter([UnavailableError("gone")] * 5)

    async def attempt() -> int:
        for error in failures:
            raise error
        return 7

    assert await retrier.call("trades", attempt) == 7
    bounds = list(islice(delays(RetrySettings().base_seconds, RetrySettings().max_seconds, lambda _, bound: bound), 5))
    assert len(waited) == 5
    assert all(0 <= seconds <= bound for seconds, bound in zip(waited, bounds, strict=True))
