"""Publishing goes in chunks, at a rate, and tells how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import pytest

from consumer.simulator import Market, Simulated
from consumer.simulator.publish import chunk_size, pause, publish


class Remembered:
    """A bus that keeps what it is given."""

    def __init__(self) -> None:
        self.chunks: list[list[Simulated]] = []

    async def publish(self, messages: Sequence[Simulated]) -> None:
        self.chunks.append(list(messages))


async def test_all_messages_arrive_in_their_order() -> None:
    bus, told = Remembered(), list[int]()
    assert await publish(islice(Market(1, 2), 1_100), bus, progress=told.append) == 1_100
    assert [message for chunk in bus.chunks for message in chunk] == list(islice(Market(1, 2), 1_100))
    assert told == [500, 1_000, 1_100]


async def test_nothing_is_published_of_nothing() -> None:
    bus = Remembered()
    assert await publish([], bus) == 0
    assert bus.chunks == []


@pytest.mark.parametrize(("rate", "size"), [(None, 500), (1, 1), (100, 5), (1_000, 50), (1_000_000, 500)])
def test_a_slow_rate_goes_in_small_chunks(rate: float | None, size: int) -> None:
    assert chunk_size(rate) == size


def test_a_rate_is_kept_by_waiting() -> None:
    assert pause(100, 0.25, 200) == 0.25
    assert pause(100, 2.0, 200) == 0
    assert pause(100, 0.0, None) == 0
