"""A message on its way through the pipeline: it settles when the last of its parts has ended."""

from __future__ import annotations

import msgspec

from consumer.messages import Delivery, Message, Settlement


class Ticket(msgspec.Struct, gc=False, eq=False):
    """Counts the parts (records and failed elements) of a delivery that are not stored, dead or returned yet."""

    delivery: Delivery
    waiting: int
    traceparent: str | None
    any_stored: bool = False
    any_returned: bool = False

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.delivery.message

    @property
    def settlement(self) -> Settlement:
        """What the bus is told in the end: a message of which one part is given up goes back as a whole."""
        if self.any_returned:
            return Settlement.LATER
        return Settlement.STORED if self.any_stored else Settlement.REJECTED
