"""Repositories over the honest twin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from storage import TABLES, Outcome, Reason, Record, RejectedError
from storage.adapters.memory import MemoryAdapter
from storage.outcomes import DUPLICATE, STALE, STORED
from storage.repositories.candle import CandleRepository
from storage.repositories.market import repositories_of
from storage.repositories.trade import TradeRepository
from tests.contracts.records import BARE, FULL, MS, T0, candle, trade, trades


@pytest.fixture
async def adapter() -> AsyncIterator[MemoryAdapter]:
    async with MemoryAdapter() as adapter:
        yield adapter


async def everything(repository: Any, record: Record) -> list[Record]:
    end = datetime.max.replace(tzinfo=T0.tzinfo)
    timeframe = getattr(record, "timeframe", None)
    return [found async for found in repository.get_range(record.symbol, T0, end, timeframe)]


def test_there_is_a_repository_for_each_table(adapter: MemoryAdapter) -> None:
    repositories = repositories_of(adapter)

    assert {name: repository.table for name, repository in repositories.items()} == dict(TABLES)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
async def test_a_record_comes_back_as_it_went_in(adapter: MemoryAdapter, kind: str, samples: dict[str, Record]) -> None:
    repository, record = repositories_of(adapter)[kind], samples[kind]

    assert await repository.insert(record) == STORED
    assert await everything(repository, record) == [record]
    assert await repository.get_latest(record.symbol, timeframe=getattr(record, "timeframe", None)) == [record]


async def test_a_batch_goes_to_the_collections_of_its_records(adapter: MemoryAdapter) -> None:
    repository = TradeRepository(adapter)

    fates = await repository.insert_batch([trade(1, symbol="AAA"), trade(2, symbol="BBB"), trade(3, symbol="AAA")])

    assert fates == [STORED] * 3
    assert await adapter.list_collections() == ["trades_AAA", "trades_BBB"]
    assert await repository.count("AAA") == 2


async def test_records_of_one_key_in_one_batch_are_written_in_their_order(adapter: MemoryAdapter) -> None:
    repository = CandleRepository(adapter)
    older, newer = candle(), candle(event_time=T0 + 5000 * MS)

    assert await repository.insert_batch([newer, older, newer, candle(timestamp=T0 + MS)]) == [
        STORED,
        STALE,
        DUPLICATE,
        STORED,
    ]
    assert await repository.get_latest("BTCUSDT", 9, "1m") == [candle(timestamp=T0 + MS), newer]


async def test_a_record_that_cannot_be_stored_leaves_its_neighbours_alone(adapter: MemoryAdapter) -> None:
    naive = T0.replace(tzinfo=None)
    fates = await TradeRepository(adapter).insert_batch(
        [trade(1), trade(2, symbol="../x"), trade(3, timestamp=naive), trade(4, price=Decimal("NaN")), trade(5)]
    )

    assert [fate.outcome is Outcome.STORED for fate in fates] == [True, False, False, False, True]
    assert [fate.reason for fate in fates[1:4]] == [Reason.INVALID_SYMBOL, Reason.NOT_STORABLE, Reason.NOT_STORABLE]


async def test_no_records_are_no_fates(adapter: MemoryAdapter) -> None:
    assert await TradeRepository(adapter).insert_batch([]) == []


async def test_ranges_and_counts_have_their_start_and_not_their_end(adapter: MemoryAdapter) -> None:
    repository = TradeRepository(adapter)
    await repository.insert_batch(trades(10))

    found = [trade.trade_id async for trade in repository.get_range("BTCUSDT", T0 + 2 * MS, T0 + 5 * MS)]

    assert found == [2, 3, 4]
    assert await repository.count("BTCUSDT", T0 + 2 * MS, T0 + 5 * MS) == 3


async def test_a_name_that_cannot_be_is_refused_at_the_call(adapter: MemoryAdapter) -> None:
    with pytest.raises(RejectedError, match="invalid symbol"):
        TradeRepository(adapter).get_range("$where", T0, T0 + MS)
    with pytest.raises(RejectedError, match="timeframe"):
        await CandleRepository(adapter).get_latest("BTCUSDT")
    with pytest.raises(RejectedError):
        await TradeRepository(adapter).count("")
    with pytest.raises(RejectedError):
        await TradeRepository(adapter).ensure_indexes("a.b")


async def test_indexes_are_ensured_by_symbol(adapter: MemoryAdapter) -> None:
    await CandleRepository(adapter).ensure_indexes("BTCUSDT", "1m")
