"""Why the store takes no writes: known as long as it matters, and no longer."""

import pytest

from config.flow import RetrySettings
from consumer.pipeline.retry import Retrier
from storage import DatabaseError, OperatorError, UnavailableError
from storage.circuit_breaker import CircuitBreaker


async def no_sleep(_seconds: float) -> None:
    """Tests do not wait."""


@pytest.mark.parametrize(
    ("errors", "seen"),
    [
        ([OperatorError("full", fix="make room")], ["", "full: make room"]),
        ([UnavailableError("gone")], ["", ""]),
        ([UnavailableError("gone")] * 3, ["", "", "gone", "gone"]),
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
