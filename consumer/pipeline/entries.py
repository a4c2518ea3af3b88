"""What lies in a batch: the parts of messages, each with the ticket of its message."""

from __future__ import annotations

from typing import NamedTuple

from consumer.pipeline.tally import Counts, Fate
from consumer.pipeline.ticket import Ticket
from storage import Reason, Record, Table


class Lane(NamedTuple):
    """Where a batch goes: a collection, or the dead letters when there is no table."""

    table: Table | None
    collection: str

    @property
    def kind(self) -> str:
        """The kind of record, for logs and metrics: never a symbol."""
        return self.table.name if self.table else self.collection


DEAD_LETTERS = Lane(None, "dead_letters")


class Entry(NamedTuple):
    """A record on its way."""

    ticket: Ticket
    counts: Counts
    element: int
    record: Record

    def rejected(self, reason: Reason, error: str) -> Failed:
        """The same part, now that it cannot be stored."""
        return Failed(self.ticket, self.counts, self.element, reason, error)


class Failed(NamedTuple):
    """An element that cannot be a record, or a record that no store takes."""

    ticket: Ticket
    counts: Counts
    element: int
    reason: Reason
    error: str


Part = Entry | Failed


def end(part: Part, fate: Fate) -> None:
    """Count what became of a part and tell its message."""
    part.counts.fates[fate] += 1
    match fate:
        case Fate.RETURNED:
            part.ticket.returned()
        case Fate.DEAD_LETTERED:
            part.ticket.dead()
        case _:
            part.ticket.stored()
