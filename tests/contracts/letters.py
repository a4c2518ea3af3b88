"""What every adapter keeps of messages that could not be stored, and of keys with two contents."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from storage import TABLE_OF, TABLES, Conflict, DeadLetter, Reason, Record
from storage.adapters.base import BaseAdapter
from tests.contracts.records import FULL, MS, SNAPSHOT, T0, trade


def letter(number: int = 1, **changes: Any) -> DeadLetter:
    """A letter with every field; whatever is not named is the same for all."""
    values: dict[str, Any] = {
        "data": bytes(range(256)),
        "subject": "md.binance.spot.trade.BTCUSDT",
        "headers": {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01", "dotted.name": "$value"},
        "source": "jetstream",
        "position": f"MARKET/{number}",
        "message_time": 1_715_947_200_001,
        "element": 3,
        "reason": Reason.NOT_JSON,
        "error": "not json: line 1\nis \x00 broken",
        "trace_id": "ab" * 16,
        "first_seen": T0 + number * MS,
        "last_seen": T0 + number * MS,
    }
    return DeadLetter(**(values | changes))


def conflict(number: int = 1, **changes: Any) -> Conflict:
    """A trade with two prices."""
    trades = TABLES["trades"]
    values: dict[str, Any] = {
        "collection": "trades_BTCUSDT",
        "key": trades.key(trade(number)),
        "stored": trades.to_document(trade(number)),
        "incoming": trades.to_document(trade(number, price=Decimal("7.00"))),
        "source": "kafka",
        "position": f"market-data-0/{number}",
        "seen_at": T0 + number * MS,
    }
    return Conflict(**(values | changes))


async def letters(adapter: BaseAdapter, **query: Any) -> list[DeadLetter]:
    """The letters that match."""
    return [letter async for letter in adapter.dead_letters.find(**query)]


async def conflicts(adapter: BaseAdapter, **query: Any) -> list[Conflict]:
    """The conflicts that match."""
    return [conflict async for conflict in adapter.conflicts.find(**query)]


class DeadLetterContract:
    """A letter is kept whole until somebody deletes it."""

    async def test_a_letter_comes_back_exactly(self, adapter: BaseAdapter) -> None:
        bare = DeadLetter(
            data=b"",
            source="nats",
            position="7",
            reason=Reason.TOO_LARGE,
            error="",
            first_seen=T0,
            last_seen=T0,
        )

        await adapter.dead_letters.put([bare, letter(replayed_at=T0)])

        assert await letters(adapter) == [bare, letter(replayed_at=T0)]

    async def test_a_letter_larger_than_a_document_comes_back_exactly(self, adapter: BaseAdapter) -> None:
        large = letter(data=bytes(range(256)) * 4096 * 33)

        await adapter.dead_letters.put([letter(0), large])
        await adapter.dead_letters.put([large])

        assert [found.data == large.data for found in await letters(adapter)] == [False, True]
        assert await adapter.dead_letters.delete([large.id]) == 1

    async def test_a_letter_that_was_put_twice_counts_two_attempts(self, adapter: BaseAdapter) -> None:
        later = letter(reason=Reason.SCHEMA, error="again", last_seen=T0 + timedelta(hours=1))
        await adapter.dead_letters.put([letter()])

        await adapter.dead_letters.put([replace(later, first_seen=later.last_seen)])

        assert await letters(adapter) == [replace(later, attempts=2)]

    async def test_elements_of_one_message_are_letters_of_their_own(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([letter(element=0), letter(element=1)])

        assert [found.element for found in await letters(adapter)] == [0, 1]

    async def test_letters_are_found_by_id_reason_and_source_oldest_first(self, adapter: BaseAdapter) -> None:
        one, two, three = letter(1, source="kafka"), letter(2, reason=Reason.SCHEMA), letter(3)
        await adapter.dead_letters.put([three, one, two])

        assert await letters(adapter) == [one, two, three]
        assert await letters(adapter, limit=2) == [one, two]
        assert await letters(adapter, ids=[three.id, one.id, "nobody"]) == [one, three]
        assert await letters(adapter, reason=Reason.SCHEMA) == [two]
        assert await letters(adapter, source="jetstream") == [two, three]
        assert await letters(adapter, source="jetstream", reason=Reason.NOT_JSON, ids=[two.id]) == []

    async def test_letters_are_counted_by_reason(self, adapter: BaseAdapter) -> None:
        assert dict(await adapter.dead_letters.count()) == {}

        await adapter.dead_letters.put([letter(1), letter(2), letter(3, reason=Reason.SCHEMA)])

        assert dict(await adapter.dead_letters.count()) == {Reason.NOT_JSON: 2, Reason.SCHEMA: 1}

    async def test_a_replay_is_noted(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([letter(1), letter(2)])

        await adapter.dead_letters.mark_replayed([letter(2).id], T0 + timedelta(days=1))

        assert await letters(adapter) == [letter(1), letter(2, replayed_at=T0 + timedelta(days=1))]

    async def test_deleted_letters_are_gone(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([letter(1), letter(2), letter(3)])

        assert await adapter.dead_letters.delete([letter(1).id, letter(3).id, "nobody"]) == 2
        assert await letters(adapter) == [letter(2)]
        assert await adapter.dead_letters.delete([]) == 0

    async def test_no_letters_are_nothing_to_do(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([])

        assert await letters(adapter) == []

    async def test_letters_and_conflicts_are_no_market_data(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([letter()])
        await adapter.conflicts.put([conflict()])

        assert await adapter.list_collections() == []

    async def test_letters_outlive_the_connection(self, adapter: BaseAdapter) -> None:
        await adapter.dead_letters.put([letter()])
        await adapter.conflicts.put([conflict()])

        await adapter.disconnect()
        await adapter.connect()

        assert await letters(adapter) == [letter()]
        assert await conflicts(adapter) == [conflict()]


class ConflictContract:
    """A conflict keeps both contents exactly."""

    async def test_a_conflict_comes_back_exactly(self, adapter: BaseAdapter) -> None:
        await adapter.conflicts.put([conflict()])

        (found,) = await conflicts(adapter)

        assert found == conflict()
        assert str(found.incoming["price"]) == "7.00"

    async def test_contents_of_every_kind_come_back_exactly(self, adapter: BaseAdapter) -> None:
        records = [*FULL.values(), SNAPSHOT]

        wanted = [_with_itself(number, record) for number, record in enumerate(records)]
        await adapter.conflicts.put(wanted)

        assert await conflicts(adapter) == wanted

    async def test_the_same_conflict_put_twice_is_one(self, adapter: BaseAdapter) -> None:
        await adapter.conflicts.put([conflict()])

        await adapter.conflicts.put([conflict(seen_at=T0 + timedelta(hours=1), position="market-data-0/99")])

        assert await conflicts(adapter) == [conflict()]

    async def test_another_content_of_the_same_key_is_another_conflict(self, adapter: BaseAdapter) -> None:
        other = conflict(incoming=TABLES["trades"].to_document(trade(1, price=Decimal("8"))), seen_at=T0 + 9 * MS)

        await adapter.conflicts.put([conflict(), other])

        assert await conflicts(adapter) == [conflict(), other]

    async def test_conflicts_are_found_by_collection_oldest_first(self, adapter: BaseAdapter) -> None:
        one, two, three = conflict(1), conflict(2, collection="trades_OTHER"), conflict(3)
        await adapter.conflicts.put([three, two, one])

        assert await conflicts(adapter) == [one, two, three]
        assert await conflicts(adapter, limit=2) == [one, two]
        assert await conflicts(adapter, collection="trades_BTCUSDT") == [one, three]


def _with_itself(number: int, record: Record) -> Conflict:
    table = TABLE_OF[type(record)]
    document = table.to_document(record)
    return conflict(
        number, collection=table.collection(record), key=document["_id"], stored=document, incoming=document
    )
