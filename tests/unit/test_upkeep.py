"""The service keeps house: it deletes what is too old, and warns once before the quota is used up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from config.load import load
from consumer.upkeep import EXPIRE_SECONDS, Upkeep
from storage.adapters.base import IndexChange
from storage.adapters.memory import MemoryAdapter
from storage.observer import AdapterMetrics
from tests.clock import Clock
from tests.contracts.records import T0, trade
from tests.contracts.writing import put, stored


class Measured(MemoryAdapter):
    """A memory store that holds as many bytes as it is told."""

    data_bytes = 0

    async def metrics(self) -> AdapterMetrics:
        return AdapterMetrics(data_bytes=self.data_bytes)


@pytest.fixture
async def store() -> Measured:
    store = Measured()
    await store.connect()
    return store


async def test_the_quota_is_warned_of_once_for_each_crossing(store: Measured) -> None:
    upkeep = Upkeep(load({"DATA_QUOTA_BYTES": "1000"}), store)

    with capture_logs() as lines:
        for store.data_bytes in (0, 799, 800, 900, 1100, 700, 800):
            await upkeep.round(T0)

    assert [(line["event"], line["used"]) for line in lines] == [("quota_near", 800), ("quota_near", 800)]
    assert {line["log_level"] for line in lines} == {"warning"}
    assert upkeep.data_bytes == 800


async def test_without_a_quota_there_is_no_warning(store: Measured) -> None:
    store.data_bytes = 10**15

    with capture_logs() as lines:
        await Upkeep(load({}), store).round(T0)

    assert lines == []


async def test_what_is_too_old_leaves_at_once_and_then_each_hour(store: Measured) -> None:
    clock = Clock()
    upkeep = Upkeep(load({"RETENTION_TRADES": "1h"}), store, clock=clock)

    with capture_logs() as lines:
        for clock.now, left in ((0.0, 0), (EXPIRE_SECONDS - 1, 1), (EXPIRE_SECONDS, 0)):
            await put(store, trade(timestamp=T0 - timedelta(hours=2)))
            await upkeep.round(T0)
            assert len(await stored(store, trade())) == left

    assert [(line["event"], line["kind"], line["count"]) for line in lines] == [("documents_expired", "trades", 1)] * 2


async def test_an_index_that_had_to_change_is_told_once(store: Measured) -> None:
    upkeep = Upkeep(load({}), store)
    store.index_changes = [IndexChange("trades_BTCUSDT", "timestamp_1", {"expireAfterSeconds": 1}, {})]

    with capture_logs() as lines:
        await upkeep.round(T0)
        await upkeep.round(T0)

    assert [(line["event"], line["collection"], line["was"]) for line in lines] == [
        ("index_changed", "trades_BTCUSDT", "{'expireAfterSeconds': 1}")
    ]
