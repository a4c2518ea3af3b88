"""The honest twin keeps the contract, and fails when a test asks it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from storage import OperatorError, TransientError
from storage.adapters.base import BaseAdapter
from storage.adapters.memory import MemoryAdapter
from storage.outcomes import STORED
from tests.contracts.adapter import MAX_COLLECTIONS, AdapterContract
from tests.contracts.letters import letter, letters
from tests.contracts.records import trade
from tests.contracts.writing import put, stored


class TestMemoryAdapter(AdapterContract):
    @pytest.fixture
    async def adapter(self) -> AsyncIterator[BaseAdapter]:
        async with MemoryAdapter(max_collections=MAX_COLLECTIONS) as adapter:
            yield adapter


async def test_each_failure_fails_one_write() -> None:
    async with MemoryAdapter() as adapter:
        adapter.failures += [TransientError("election"), OperatorError("no role", fix="grant it")]

        with pytest.raises(TransientError):
            await put(adapter, trade())
        with pytest.raises(OperatorError):
            await adapter.dead_letters.put([letter()])

        assert await put(adapter, trade()) == [STORED]
        assert await letters(adapter) == []


async def test_a_closed_gate_holds_writes_until_it_opens() -> None:
    async with MemoryAdapter() as adapter:
        adapter.gate.clear()
        writing = asyncio.ensure_future(put(adapter, trade()))
        await asyncio.sleep(0)
        assert await stored(adapter, trade()) == []

        adapter.gate.set()

        assert await writing == [STORED]


async def test_a_write_that_is_cancelled_at_the_gate_leaves_nothing() -> None:
    async with MemoryAdapter() as adapter:
        adapter.gate.clear()
        writing = asyncio.ensure_future(put(adapter, trade()))
        await asyncio.sleep(0)

        writing.cancel()

        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await stored(adapter, trade()) == []
