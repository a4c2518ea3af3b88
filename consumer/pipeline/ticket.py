"""A message on its way through the pipeline: it settles when the last of its parts has ended."""

from __future__ import annotations

from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline.budget import Budget


class Ticket:
    """Holds a delivery until each of its parts (records and failed elements) is stored, dead or returned."""

    __slots__ = ("_any_returned", "_any_stored", "_budget", "_waiting", "delivery", "traceparent")

    def __init__(self, delivery: Delivery, parts: int, budget: Budget, traceparent: str | None) -> None:
        self.delivery = delivery
        self.traceparent = traceparent
        self._budget = budget
        self._waiting = parts
        self._any_stored = False
        self._any_returned = False
        budget.take(len(delivery.message.data))

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.delivery.message

    def stored(self) -> None:
        """One part has its place in the store, or had it already."""
        self._any_stored = True
        self._end_part()

    def dead(self) -> None:
        """One part is durably a dead letter."""
        self._end_part()

    def returned(self) -> None:
        """One part is given up for now: the whole message goes back to the bus."""
        self._any_returned = True
        self._end_part()

    def _end_part(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._budget.give(len(self.delivery.message.data))
            self.delivery.settle(self._settlement())

    def _settlement(self) -> Settlement:
        if self._any_returned:
            return Settlement.LATER
        return Settlement.STORED if self._any_stored else Settlement.REJECTED
