"""A message on its way through the pipeline: it settles when the last of its parts has ended."""

from __future__ import annotations

import msgspec

from consumer.messages import Delivery, Message, Settlement


class Ticket(msgspec.Struct, gc=False, eq=False):
    """Counts the parts (records and failed elements) of a delivery that are not stored, dead or returned yet.

    `settlement` is what the bus is told in the end: one part that is stored makes it STORED, and one that is given
    up makes it LATER, for a message goes back as a whole.
    """

    delivery: Delivery
    waiting: int
    traceparent: str | None
    settlement: Settlement = Settlement.REJECTED

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.delivery.message
