"""What parts come to: counted, making room again, settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from consumer.messages import Delivery, Settlement, settle
from consumer.pipeline.budget import Budget
from consumer.pipeline.entries import Entry, Failed, Part, Strand
from consumer.pipeline.tally import Fate


class Ending:
    """Each part is counted, and a message whose last part has ended makes room and settles."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def end(self, parts: Sequence[Part], fate: Fate) -> None:
        """Let parts end with the same fate."""
        settlement = _SETTLEMENTS.get(fate, Settlement.STORED)
        single = [part for part in parts if not isinstance(part, Strand)]
        if len(single) < len(parts):
            self._end_strands([part for part in parts if isinstance(part, Strand)], fate, settlement)
        if single:
            self._end_single(single, fate, settlement)

    def _end_strands(self, strands: Sequence[Strand], fate: Fate, settlement: Settlement) -> None:
        for strand in strands:
            strand.counts.fates[fate] += len(strand)
            self.budget.give(len(strand), strand.size)
            strand.channel.settle(strand.rows, settlement)

    def _end_single(self, parts: Sequence[Entry | Failed], fate: Fate, settlement: Settlement) -> None:
        for counts, number in Counter([part.counts for part in parts]).items():
            counts.fates[fate] += number
        alone = [part.delivery for part in parts if part.ticket is None]
        self.settle(alone, settlement)
        if len(alone) < len(parts):
            self._end_shared(parts, settlement)

    def settle(self, deliveries: Sequence[Delivery], settlement: Settlement) -> None:
        """Settle messages of which nothing is open any more."""
        self.budget.give(len(deliveries), sum([len(delivery.message.data) for delivery in deliveries]))
        settle(deliveries, settlement)

    def _end_shared(self, parts: Sequence[Entry | Failed], settlement: Settlement) -> None:
        done = [
            (part.delivery, ticket.settlement)
            for part in parts
            if (ticket := part.ticket) is not None and ticket.ends(settlement)
        ]
        for each in Settlement:  # not by a dict of them: an enum's hash is written in Python
            self.settle([delivery for delivery, found in done if found is each], each)


_SETTLEMENTS = {Fate.RETURNED: Settlement.LATER, Fate.DEAD_LETTERED: Settlement.REJECTED}
"""What one part of that fate makes of its message; any other fate has a place in the store."""
