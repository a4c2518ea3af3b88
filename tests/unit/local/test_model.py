"""Whatever is put in whatever order and split, merged and reopened in between: the store says what memory says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import TABLE_OF, BookTicker, Candle, Depth, Record, Trade
from storage.adapters.base import BaseAdapter, Document
from storage.adapters.local import LocalAdapter, Sizes
from storage.adapters.memory import MemoryAdapter
from tests.contracts.records import MS, T0, candle, trade
from tests.contracts.writing import FIRST_DAY, LAST_DAY

TINY = Sizes(small_files=3, small_bytes=600, absorbed_bytes=300, target_bytes=900, run_bytes=2000)

few = st.integers(0, 4)
prices = st.integers(1, 2).map(Decimal)
times = few.map(lambda number: T0 + number * MS)
trade_records: st.SearchStrategy[Trade] = st.builds(
    lambda id, time, price: trade(id, timestamp=time, price=price), few, times, prices
)
candle_records: st.SearchStrategy[Candle] = st.builds(
    lambda minute, closed, event_time, volume: candle(
        timestamp=T0 + timedelta(minutes=minute), is_closed=closed, event_time=event_time, volume=volume
    ),
    few,
    st.booleans(),
    st.none() | times,
    prices,
)
book_records: st.SearchStrategy[BookTicker] = st.builds(
    lambda id, time, bus_time, price: BookTicker(
        symbol="BTCUSDT",
        timestamp=time,
        bus_time=bus_time,
        update_id=id,
        bid_price=price,
        bid_quantity=Decimal(1),
        ask_price=Decimal(3),
        ask_quantity=Decimal(1),
    ),
    few,
    times,
    st.booleans(),
    prices,
)
depth_records: st.SearchStrategy[Depth] = st.builds(
    lambda id, time, kind, price: Depth(
        symbol="BTCUSDT",
        timestamp=time,
        bus_time=True,
        kind=kind,
        first_update_id=id if kind == "diff" else None,
        last_update_id=id + 1,
        bids=((price, Decimal(1)),) * id,
        asks=(),
        levels=0 if kind == "diff" else 20,
    ),
    few,
    times,
    st.sampled_from(["diff", "snapshot"]),
    prices,
)


def batches(records: st.SearchStrategy[Record]) -> st.SearchStrategy[Sequence[Record]]:
    return st.lists(records, min_size=1, max_size=6, unique_by=lambda record: TABLE_OF[type(record)].key(record))


Step = Sequence[Record] | str | tuple[int, int]
chores = st.sampled_from(["compact", "reopen"])
deletions = st.tuples(few, st.integers(1, 3))


def steps(records: st.SearchStrategy[Record]) -> st.SearchStrategy[list[Step]]:
    some: st.SearchStrategy[Step] = st.one_of(batches(records), batches(records), batches(records), chores, deletions)
    return st.lists(some, min_size=1, max_size=12)


@given(st.one_of(steps(trade_records), steps(candle_records), steps(book_records), steps(depth_records)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_store_says_what_memory_says(history: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_compare(Path(folder), history))


async def _compare(folder: Path, history: list[Step]) -> None:
    written = [record for step in history if isinstance(step, list) for record in step]
    if not written:
        return
    table = TABLE_OF[type(written[0])]
    collection = table.collection(written[0])
    async with MemoryAdapter() as model, LocalAdapter(folder, sizes=TINY) as store:
        for step in history:
            match step:
                case list():
                    assert await store.put(table, collection, step) == await model.put(table, collection, step)
                case "compact":
                    await store.compact()
                case "reopen":
                    await store.disconnect()
                    await store.connect()
                case (int(first), int(length)):
                    start, end = T0 + first * MS, T0 + (first + length) * MS
                    assert await store.delete_range(collection, start, end) == await model.delete_range(
                        collection, start, end
                    )
            await _same(store, model, collection)


async def _same(store: BaseAdapter, model: BaseAdapter, collection: str) -> None:
    await _both(store, model, lambda one: _ordered(one, collection))
    await _both(store, model, lambda one: one.get_record_count(collection))
    await _both(store, model, lambda one: one.get_record_count(collection, T0 + MS, T0 + 3 * MS))
    await _both(store, model, lambda one: _latest_times(one, collection))


async def _both(store: BaseAdapter, model: BaseAdapter, ask: Callable[[BaseAdapter], Awaitable[object]]) -> None:
    assert await ask(store) == await ask(model)


async def _ordered(one: BaseAdapter, collection: str) -> list[Document]:
    documents = await one.query_range(collection, FIRST_DAY, LAST_DAY)
    assert [each["timestamp"] for each in documents] == sorted(each["timestamp"] for each in documents)
    return sorted(documents, key=lambda document: str(document["_id"]))


async def _latest_times(one: BaseAdapter, collection: str) -> list[object]:
    return [document["timestamp"] for document in await one.query_latest(collection, limit=3)]
