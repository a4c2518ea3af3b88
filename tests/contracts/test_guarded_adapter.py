"""An adapter behind a circuit breaker keeps the contract of the one behind it, and fails at once when it is down."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage import TransientError
from storage.adapters.base import BaseAdapter
from storage.adapters.memory import MemoryAdapter
from storage.circuit_breaker import BreakerState, CircuitBreaker, CircuitBreakerOpen
from storage.guarded import GuardedAdapter
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.contracts.records import T0, trade
from tests.contracts.writing import LAST_DAY, put


class TestGuardedAdapter(AdapterContract):
    @pytest.fixture
    async def adapter(self) -> AsyncIterator[BaseAdapter]:
        # Whoever asks a store that was let go of again and again would get the breaker's answer in the end.
        breaker = CircuitBreaker(failure_threshold=1000)
        async with GuardedAdapter(MemoryAdapter(max_collections=MAX_COLLECTIONS), breaker) as adapter:
            yield adapter


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker(failure_threshold=2, recovery_timeout=60)


@pytest.fixture
async def adapter(breaker: CircuitBreaker) -> AsyncIterator[BaseAdapter]:
    memory = MemoryAdapter()
    async with GuardedAdapter(memory, breaker) as adapter:
        memory.failures += [TransientError("an election"), TransientError("an election")]
        for _ in range(2):
            with pytest.raises(TransientError, match="election"):
                await put(adapter, trade())
        yield adapter


async def test_after_enough_failures_nobody_is_asked(adapter: BaseAdapter) -> None:
    with pytest.raises(CircuitBreakerOpen):
        await put(adapter, trade())
    with pytest.raises(CircuitBreakerOpen):
        await adapter.query_range("trades_BTCUSDT", T0, LAST_DAY)
    with pytest.raises(CircuitBreakerOpen):
        await adapter.query_latest("trades_BTCUSDT")
    with pytest.raises(CircuitBreakerOpen):
        await adapter.find("trades_BTCUSDT")
    await adapter.ping()


async def test_a_reset_lets_all_through_again(adapter: BaseAdapter, breaker: CircuitBreaker) -> None:
    breaker.reset()

    await put(adapter, trade())

    assert len(await adapter.query_range("trades_BTCUSDT", T0, LAST_DAY)) == 1
    assert breaker.state is BreakerState.CLOSED


async def test_a_stream_fails_for_the_breaker_as_a_call_does(breaker: CircuitBreaker) -> None:
    adapter = GuardedAdapter(MemoryAdapter(), breaker)

    for _ in range(2):
        with pytest.raises(TransientError, match="not connected"):
            await adapter.query_range("trades_BTCUSDT", T0, LAST_DAY)
    with pytest.raises(CircuitBreakerOpen):
        await adapter.query_range("trades_BTCUSDT", T0, LAST_DAY)
