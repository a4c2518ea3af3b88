"""What happens to messages on their way: lost, sent twice, late, overtaken, contradicted.

Each disturbance turns a stream of messages into another; the truth is taken after the last of them.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import NamedTuple

import msgspec

from consumer.simulator.drafts import Document, Draft
from consumer.simulator.envelope import Envelope, Simulated
from consumer.simulator.faults import Due
from consumer.simulator.instruments import Random

_CONTRADICTED = frozenset({"trade", "futures_trade"})


class Posted(NamedTuple):
    """A message with the draft that it was made of."""

    message: Simulated
    draft: Draft


Stream = Iterator[Posted]


def gaps(stream: Iterable[Posted], share: float, random: Random, withhold: Callable[[Draft], None]) -> Stream:
    """Lose the connection of one symbol for 5 to 30 seconds; lists and control frames come by another one."""
    due = Due(share)
    lost: dict[str, int] = {}
    for posted in stream:
        draft = posted.draft
        if due() and draft.symbol:
            lost[draft.symbol] = draft.time_ms + 5_000 + int(random() * 25_000)
        if draft.stream.startswith("!") or draft.time_ms >= lost.get(draft.symbol, 0):
            yield posted
        else:
            withhold(draft)


def conflicts(stream: Iterable[Posted], share: float, envelope: Envelope) -> Stream:
    """After a trade, another of the same key with another price."""
    due, owed = Due(share), 0
    for posted in stream:
        yield posted
        owed += due()
        if owed and posted.draft.facts and posted.draft.kind in _CONTRADICTED:
            owed -= 1
            draft = _contradiction(posted.draft)
            yield Posted(envelope.wrap(draft), draft)


def _contradiction(draft: Draft) -> Draft:
    """The same trade with a digit more before its price."""
    fact = draft.facts[0]
    document = {**fact.document, "price": Decimal(f"7{fact.document['price']}")}
    payload = draft.payload.replace('"p":"', '"p":"7', 1)
    return msgspec.structs.replace(draft, payload=payload, facts=(fact._replace(document=document),))


def late_candles(stream: Iterable[Posted], share: float, random: Random) -> Stream:
    """Hold updates of candles back until the candle was closed."""
    due, owed = Due(share), 0
    held: dict[str, list[Posted]] = {}
    released = Delayed(random)
    for posted in stream:
        owed += due()
        if posted.draft.timeframe:
            fact = posted.draft.facts[0]
            candle = f"{fact.collection} {fact.document['_id']}"
            if owed and _closes_soon(fact.document):
                owed -= 1
                held.setdefault(candle, []).append(posted)
                continue
            if fact.document["is_closed"]:
                released.add(held.pop(candle, ()), 200)
        yield posted
        yield from released.due()


def _closes_soon(candle: Document) -> bool:
    left: timedelta = candle["close_time"] - candle["event_time"]
    return not candle["is_closed"] and left < timedelta(minutes=1)


def disorder(stream: Iterable[Posted], share: float, random: Random) -> Stream:
    """Let up to 20 other messages overtake."""
    due, delayed = Due(share), Delayed(random)
    for posted in stream:
        if due():
            delayed.add([posted], 20)
            continue
        yield posted
        yield from delayed.due()


def duplicates(stream: Iterable[Posted], share: float, random: Random) -> Stream:
    """Send one of the last 500 messages again, the same bytes."""
    due = Due(share)
    recent: deque[Posted] = deque(maxlen=500)
    for posted in stream:
        yield posted
        recent.append(posted)
        if due():
            yield recent[int(random() * len(recent))]


class Delayed:
    """Messages that wait until a number of others has passed."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._passed = 0
        self._waiting: list[tuple[int, int, Posted]] = []
        self._added = count()

    def add(self, messages: Iterable[Posted], most: int) -> None:
        """Let each of them wait for at least one other and at most `most`."""
        for posted in messages:
            due = self._passed + 1 + int(self._random() * most)
            heapq.heappush(self._waiting, (due, next(self._added), posted))

    def due(self) -> Stream:
        """Another message has passed; whose time has come now follows it."""
        self._passed += 1
        while self._waiting and self._waiting[0][0] <= self._passed:
            yield heapq.heappop(self._waiting)[2]
