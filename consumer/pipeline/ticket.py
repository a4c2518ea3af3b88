"""A message that has several parts, on its way through the pipeline: it settles when the last of them has ended."""

from __future__ import annotations

import msgspec

from consumer.messages import Settlement


class Ticket(msgspec.Struct, gc=False, eq=False):
    """Counts the parts (records and failed elements) of a message that are not stored, dead or returned yet.

    `settlement` is what the bus is told in the end: one part that is stored makes it STORED, and one that is given
    up makes it LATER, for a message goes back as a whole.
    """

    waiting: int
    settlement: Settlement = Settlement.REJECTED

    def ends(self, settlement: Settlement) -> bool:
        """One part has ended, and alone would settle the message like this; whether it was the last."""
        self.waiting -= 1
        if settlement is Settlement.LATER or self.settlement is Settlement.REJECTED:
            self.settlement = settlement
        return not self.waiting
