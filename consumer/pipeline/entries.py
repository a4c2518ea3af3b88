"""What lies in a batch: the parts of messages, each with its message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from consumer.messages import Delivery, Settlement, settle
from consumer.pipeline.budget import Budget
from consumer.pipeline.tally import Counts, Fate
from consumer.pipeline.ticket import Ticket
from storage import Reason, Table
from storage.packed import Item


@dataclass(frozen=True, eq=False)
class Lane:
    """Where a batch goes: a collection, or the dead letters when there is no table. One object for each."""

    table: Table | None
    collection: str

    @property
    def kind(self) -> str:
        """The kind of record, for logs and metrics: never a symbol."""
        return self.table.name if self.table else self.collection


DEAD_LETTERS = Lane(None, "dead_letters")


class Failed(msgspec.Struct, gc=False, eq=False):
    """An element that cannot be a record, or a record that no store takes."""

    delivery: Delivery
    counts: Counts
    element: int
    reason: Reason
    error: str
    traceparent: str | None
    ticket: Ticket | None


class Entry(msgspec.Struct, gc=False, eq=False):
    """A record on its way. Most messages say one: it has no ticket, and settles its message alone."""

    delivery: Delivery
    counts: Counts
    element: int
    item: Item
    traceparent: str | None
    ticket: Ticket | None

    def rejected(self, reason: Reason, error: str) -> Failed:
        """The same part, now that it cannot be stored."""
        return Failed(self.delivery, self.counts, self.element, reason, error, self.traceparent, self.ticket)


Part = Entry | Failed


class Ending:
    """What parts come to: each is counted, and a message whose last part has ended makes room and settles."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def end(self, parts: Sequence[Part], fate: Fate) -> None:
        """Let parts end with the same fate."""
        for counts, number in Counter([part.counts for part in parts]).items():
            counts.fates[fate] += number
        settlement = _SETTLEMENTS.get(fate, Settlement.STORED)
        alone = [part.delivery for part in parts if part.ticket is None]
        self.settle(alone, settlement)
        if len(alone) < len(parts):
            self._end_shared(parts, settlement)

    def settle(self, deliveries: Sequence[Delivery], settlement: Settlement) -> None:
        """Settle messages of which nothing is open any more."""
        self.budget.give(len(deliveries), sum([len(delivery.message.data) for delivery in deliveries]))
        settle(deliveries, settlement)

    def _end_shared(self, parts: Sequence[Part], settlement: Settlement) -> None:
        done = [
            (part.delivery, ticket.settlement)
            for part in parts
            if (ticket := part.ticket) is not None and ticket.ends(settlement)
        ]
        for each in Settlement:  # not by a dict of them: an enum's hash is written in Python
            self.settle([delivery for delivery, found in done if found is each], each)


_SETTLEMENTS = {Fate.RETURNED: Settlement.LATER, Fate.DEAD_LETTERED: Settlement.REJECTED}
"""What one part of that fate makes of its message; any other fate has a place in the store."""
