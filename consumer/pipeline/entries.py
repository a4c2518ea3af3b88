"""What lies in a batch: the parts of messages, each with the ticket of its message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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

    def end(self, parts: Iterable[Part], fate: Fate) -> None:
        """Let parts end with the same fate."""
        parts = list(parts)
        for counts, number in Counter([part.counts for part in parts]).items():
            counts.fates[fate] += number
        self.settle([ticket for part in parts if _is_last(ticket := part.ticket, fate)])

    def settle(self, tickets: Sequence[Ticket]) -> None:
        """Settle messages of which nothing is open any more."""
        self.budget.give(len(tickets), sum([len(ticket.delivery.message.data) for ticket in tickets]))
        by_settlement: dict[Settlement, list[Ticket]] = {}
        for ticket in tickets:
            by_settlement.setdefault(ticket.settlement, []).append(ticket)
        for settlement, settled in by_settlement.items():
            settle([ticket.delivery for ticket in settled], settlement)


def _is_last(ticket: Ticket, fate: Fate) -> bool:
    """Note the end of one part; returns whether it was the last one."""
    if fate is Fate.RETURNED:
        ticket.any_returned = True
    elif fate is not Fate.DEAD_LETTERED:
        ticket.any_stored = True
    ticket.waiting -= 1
    return ticket.waiting == 0
