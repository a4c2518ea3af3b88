"""A redelivery of what was written lately is not sent again; whatever differs, or was deleted, is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from consumer.decode import Decoder
from consumer.messages import Message
from storage import TABLES, Outcome
from storage.adapters.mongodb import MongoDBAdapter
from storage.adapters.mongodb.packing import PACKS
from storage.packed import Item, Packed
from storage.times import EPOCH, FOREVER
from tests import samples
from tests.integration.mongodb import client_of, forget
from tests.integration.test_mongodb_measures import Notes

pytestmark = pytest.mark.server("mongodb")

TRADES = "trades_BTCUSDT"
DECODER = Decoder(max_bytes=100_000, max_nesting=32, packs=PACKS)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
async def adapter(mongodb_uri: str, unique_name: str, notes: Notes) -> AsyncIterator[MongoDBAdapter]:
    async with MongoDBAdapter(mongodb_uri, unique_name, remember_seconds=60) as adapter:
        adapter.observer = notes
        yield adapter
    async with client_of(mongodb_uri) as client:
        await forget(client, unique_name)


def trades(*ids: int, price: str = "16569.01000000") -> list[Packed]:
    messages = [
        samples.SPOT_TRADE.replace(b"12345", b"%d" % id).replace(b"16569.01000000", price.encode()) for id in ids
    ]
    items = [item for data in messages for _, item in DECODER.decode(Message(data, "m", "p", 1)).records]
    return [item for item in items if isinstance(item, Packed)]


async def put(adapter: MongoDBAdapter, items: Sequence[Item]) -> list[str]:
    return [result.outcome.value for result in await adapter.put(TABLES["trades"], TRADES, items)]


async def test_what_was_written_lately_is_not_sent_again(adapter: MongoDBAdapter, notes: Notes) -> None:
    assert await put(adapter, trades(1, 2, 3)) == ["stored"] * 3
    sent = len(notes.shapes("insert"))

    assert await put(adapter, trades(3, 1, 2)) == ["duplicate"] * 3
    assert len(notes.shapes("insert")) == sent
    assert await put(adapter, trades(2, 4)) == ["duplicate", "stored"]


async def test_other_content_is_sent_and_is_a_conflict(adapter: MongoDBAdapter) -> None:
    await put(adapter, trades(1))

    assert await put(adapter, trades(1, price="16569.02000000")) == [Outcome.CONFLICT]
    assert await put(adapter, trades(1, price="16569.02000000")) == [Outcome.CONFLICT]
    assert await put(adapter, trades(1)) == [Outcome.DUPLICATE]


async def test_what_was_deleted_is_stored_again(adapter: MongoDBAdapter) -> None:
    await put(adapter, trades(1, 2))

    await adapter.delete_range(TRADES, EPOCH, FOREVER)

    assert await put(adapter, trades(1, 2)) == ["stored"] * 2
    await adapter.delete(TRADES, {"trade_id": 1})
    assert await put(adapter, trades(1)) == ["stored"]
    await adapter.update(TRADES, {"trade_id": 1}, {"is_buyer_maker": False})
    assert await put(adapter, trades(1)) == ["conflict"]


async def test_what_is_deleted_while_it_is_written_is_not_remembered(adapter: MongoDBAdapter) -> None:
    items = trades(*range(500))
    for _ in range(5):
        await asyncio.gather(put(adapter, items), adapter.delete_range(TRADES, EPOCH, FOREVER))
        there = await adapter.get_record_count(TRADES)

        assert (await put(adapter, items)).count("stored") == 500 - there


async def test_without_remembering_everything_is_sent(
    mongodb_uri: str, unique_name: str, adapter: MongoDBAdapter, notes: Notes
) -> None:
    await put(adapter, trades(1))
    async with MongoDBAdapter(mongodb_uri, unique_name) as forgetful:
        forgetful.observer = notes
        sent = len(notes.shapes("insert"))

        assert await put(forgetful, trades(1)) == ["duplicate"]
        assert await put(forgetful, trades(1)) == ["duplicate"]
        assert len(notes.shapes("insert")) == sent + 2
