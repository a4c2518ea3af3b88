"""The service with one promise broken on purpose: each variant must be caught by the judge. No product code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline.budget import Budget
from consumer.service import Service
from storage import DatabaseError, Outcome, Reason, Record, Result, Table
from storage.outcomes import DUPLICATE, STORED, rejected

Put = Callable[[Table, str, Sequence[Record]], Any]


class Deaf:
    """Hears of settlements and tells nobody."""

    def settled(self, deliveries: object) -> None:
        """It was settled before."""


def settles_before_the_write(service: Service) -> None:
    """P2: the bus is told as soon as a message is there."""
    receive = service.source.receive

    async def at_once(max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        deliveries = await receive(max_messages, max_bytes)
        for delivery in deliveries:
            delivery.settle(Settlement.STORED)
        await service.source.flush()
        return [Delivery(delivery.message, Deaf()) for delivery in deliveries]

    _replace(service.source, "receive", at_once)


def swallows_a_bulk_error(service: Service) -> None:
    """P1: what failed counts as stored."""

    async def put(inner: Put, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        try:
            return await inner(table, collection, records)  # type: ignore[no-any-return]
        except DatabaseError:
            return [STORED] * len(records)

    _around_put(service, put)


def drops_on_shutdown(service: Service) -> None:
    """P1: what is left at the end is called done."""
    receive, settled = service.source.receive, service.source.settled

    async def apart(max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        return list(await receive(max_messages, max_bytes))

    def done(deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.settlement = Settlement.STORED
        settled(deliveries)

    _replace(service.source, "receive", apart)
    _replace(service.source, "settled", done)


def hides_conflicts(service: Service) -> None:
    """P3: other content under the same key is a duplicate like any other."""

    async def put(inner: Put, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        results = await inner(table, collection, records)
        return [DUPLICATE if result.outcome is Outcome.CONFLICT else result for result in results]

    _around_put(service, put)


def keys_by_position(service: Service) -> None:
    """P3: a trade is known by where it came from."""
    receive = service.source.receive

    async def numbered(max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        deliveries = list(await receive(max_messages, max_bytes))
        for delivery in deliveries:
            delivery.message = _numbered(delivery.message)
        return deliveries

    _replace(service.source, "receive", numbered)


def _numbered(message: Message) -> Message:
    return replace(message, data=re.sub(rb'"t":\d{10}\b', b'"t":%d' % message.offset, message.data))


def lets_the_last_one_win(service: Service) -> None:
    """P4: whatever comes last is the truth."""

    async def put(inner: Put, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        if table.version:
            keys = [table.key(record) for record in records]
            await service.store.delete(collection, {"_id": {"$in": keys}})
        return await inner(table, collection, records)  # type: ignore[no-any-return]

    _around_put(service, put)


def buries_an_outage(service: Service) -> None:
    """P5: a store that is away makes dead letters."""

    async def put(inner: Put, table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        try:
            return await inner(table, collection, records)  # type: ignore[no-any-return]
        except DatabaseError as error:
            return [rejected(Reason.NOT_STORABLE, str(error))] * len(records)

    _around_put(service, put)


def never_tries_again(service: Service) -> None:
    """P5: an open breaker stays open."""
    allow = service.breaker.allow
    _replace(service.breaker, "allow", lambda: allow() if service.retrier.healthy.is_set() else None)


def takes_without_end(service: Service) -> None:
    """P6: the pull stops for nothing."""

    async def go_on() -> None:
        return None

    _replace(service.pipeline, "_wait_for_room", go_on)
    _replace(Budget, "room", property(lambda _: (1_000_000, 1 << 30)))


def forgets_to_count(service: Service) -> None:
    """P7: duplicates are not worth a number."""
    by_kind = service.pipeline.tally.by_kind

    def some() -> dict[str, dict[str, int]]:
        return {kind: row | {"duplicate": 0} for kind, row in by_kind().items()}

    _replace(service.pipeline.tally, "by_kind", some)


VARIANTS: dict[str, Callable[[Service], None]] = {
    variant.__name__.replace("_", " "): variant
    for variant in (
        settles_before_the_write,
        swallows_a_bulk_error,
        drops_on_shutdown,
        hides_conflicts,
        keys_by_position,
        lets_the_last_one_win,
        buries_an_outage,
        never_tries_again,
        takes_without_end,
        forgets_to_count,
    )
}


def _around_put(service: Service, put: Callable[..., Any]) -> None:
    inner = service.store.put

    async def changed(table: Table, collection: str, records: Sequence[Record]) -> Sequence[Result]:
        return await put(inner, table, collection, records)  # type: ignore[no-any-return]

    _replace(service.store, "put", changed)


def _replace(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)
