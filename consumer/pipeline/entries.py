"""What lies in a batch: the parts of messages, each with the ticket of its message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from consumer.messages import Settlement, settle
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

    ticket: Ticket
    counts: Counts
    element: int
    reason: Reason
    error: str


class Entry(msgspec.Struct, gc=False, eq=False):
    """A record on its way."""

    ticket: Ticket
    counts: Counts
    element: int
    item: Item

    def rejected(self, reason: Reason, error: str) -> Failed:
        """The same part, now that it cannot be stored."""
        return Failed(self.ticket, self.counts, self.element, reason, error)


Part = Entry | Failed


class Ending:
    """What parts come to: each is counted, and a message whose last part has ended makes room and settles."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def end(self, parts: Sequence[Part], fate: Fate) -> None:
        """Let parts end with the same fate."""
        for counts, number in Counter([part.counts for part in parts]).items():
            counts.fates[fate] += number
        settlement, rejected = _SETTLEMENTS.get(fate, Settlement.STORED), Settlement.REJECTED
        decides = settlement is Settlement.LATER
        done = []
        for part in parts:
            ticket = part.ticket
            ticket.waiting -= 1
            if decides or ticket.settlement is rejected:
                ticket.settlement = settlement
            if not ticket.waiting:
                done.append(ticket)
        self.settle(done)

    def settle(self, tickets: Sequence[Ticket]) -> None:
        """Settle messages of which nothing is open any more."""
        self.budget.give(len(tickets), sum([len(ticket.delivery.message.data) for ticket in tickets]))
        for settlement in Settlement:  # not by a dict of them: an enum's hash is written in Python
            settle([ticket.delivery for ticket in tickets if ticket.settlement is settlement], settlement)


_SETTLEMENTS = {Fate.RETURNED: Settlement.LATER, Fate.DEAD_LETTERED: Settlement.REJECTED}
"""What one part of that fate makes of its message; any other fate has a place in the store."""
