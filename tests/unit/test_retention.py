"""What is too old leaves, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from storage.adapters.memory import MemoryAdapter
from storage.retention import expire
from tests.contracts.records import MS, T0, candle, trade
from tests.contracts.writing import put, stored

DAY = timedelta(days=1)


@pytest.fixture
async def adapter() -> MemoryAdapter:
    adapter = MemoryAdapter()
    await adapter.connect()
    return adapter


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that goes on by so much each time that somebody looks."""
    times: Iterator[float] = (each * seconds for each in range(1_000_000))
    return lambda: next(times)


async def test_what_is_older_than_its_kind_is_kept_leaves(adapter: MemoryAdapter) -> None:
    await put(adapter, trade(1, timestamp=T0 - DAY - MS), trade(2, timestamp=T0 - DAY), trade(3, timestamp=T0))
    await put(adapter, candle(timestamp=T0 - 100 * DAY))

    assert await expire(adapter, {"trades": DAY, "depth": DAY}, T0) == {"trades": 1}

    assert [document["trade_id"] for document in await stored(adapter, trade())] == [2, 3]
    assert len(await stored(adapter, candle())) == 1


async def test_collections_of_a_kind_are_counted_together(adapter: MemoryAdapter) -> None:
    for symbol in ("AAA", "BBB"):
        await put(adapter, *(trade(id, symbol=symbol, timestamp=T0 - id * DAY) for id in range(1, 6)))

    assert await expire(adapter, {"trades": 2 * DAY}, T0) == {"trades": 6}


async def test_without_retention_nothing_leaves(adapter: MemoryAdapter) -> None:
    await put(adapter, trade(timestamp=T0 - 10_000 * DAY))

    assert await expire(adapter, {}, T0) == {}


async def test_the_rest_waits_for_the_next_call_when_time_is_up(adapter: MemoryAdapter) -> None:
    await put(adapter, *(trade(id, timestamp=T0 - id * DAY) for id in range(1, 11)))

    first = await expire(adapter, {"trades": MS}, T0, max_seconds=3, clock=ticking(1))
    rest = await expire(adapter, {"trades": MS}, T0)

    assert (first, rest) == ({"trades": 2}, {"trades": 8})
