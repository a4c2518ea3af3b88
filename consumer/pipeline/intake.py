"""From deliveries to batches: decode, route, gather."""

from __future__ import annotations

from collections import defaultdict

from consumer.decode import Decoded, Decoder, Failure, Usual
from consumer.errors import DecodeError
from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline.batcher import Batch, Batcher, Loose
from consumer.pipeline.ending import Ending
from consumer.pipeline.entries import Entry, Failed, Lane, Part, Strand
from consumer.pipeline.router import Place, Router
from consumer.pipeline.tally import Fate, Tally
from consumer.pipeline.ticket import Ticket
from consumer.runs import Run
from consumer.telemetry import events
from storage import Reason
from storage.packed import Item

Parts = defaultdict[Place, list[Entry | Failed]]
"""What goes to the same place, in its order."""

Full = list[Batch[Lane, Part]]
"""Batches that were filled."""

Why = tuple[Reason, str, str | None, Ticket | None]
"""Why an element failed, in a word and in a sentence, and the trace and the ticket of its message."""


class Intake:
    """Takes deliveries in; what they say lies in the batcher afterwards, or in the batches that it returns."""

    def __init__(self, decoder: Decoder, tally: Tally, batcher: Batcher[Lane, Part], ending: Ending) -> None:
        self._decoder = decoder
        self._router = Router(tally)
        self._batcher = batcher
        self._ending = ending

    def take(self, run: Run, now: float) -> Full:
        """Take a run in, and return the batches that it filled."""
        parts: Parts = defaultdict(list)
        usual, others = ([], range(len(run))) if run.given_up else self._decoder.read(run.data)
        for place in others:
            self._take_apart(parts, run.delivery(place))
        full = [batch for each in usual for batch in self._lay(parts, run, each, now)]
        return full + [batch for place, some in parts.items() for batch in self._gather(place, some, now)]

    def _lay(self, parts: Parts, run: Run, usual: Usual, now: float) -> Full:
        """Lay what is usual as one strand; each for itself where something else goes to the same place."""
        table, symbol, places, *columns = usual
        place = self._router.place_of(table, symbol, run.channel)
        rows, data = run.pick(places)
        size = sum(map(len, data))
        strand = Strand(run.channel, place.counts, table, symbol, self._decoder, size, rows, data, *columns)
        if place in parts:
            parts[place] = _in_order(run, [*parts[place], *strand.entries])
            return []
        place.counts.receive(len(strand.rows), *strand.span)
        return self._batcher.extend(place.lane, strand, now)

    def _take_apart(self, parts: Parts, delivery: Delivery) -> None:
        """What a message says that may say anything: several records, none, or nonsense."""
        decoded = self._decoded(delivery.message)
        ends = len(decoded.items) + len(decoded.failures)
        if not ends:
            self._ignore(delivery)
        ticket = Ticket(ends) if ends > 1 else None
        for element, error in decoded.failures:
            self._fail(parts, delivery, element, error.reason, error.detail, decoded.traceparent, ticket)
        for element, item in decoded.records:
            self._keep(parts, delivery, element, item, decoded.traceparent, ticket)

    def _decoded(self, message: Message) -> Decoded:
        if message.given_up:
            error = DecodeError(Reason.MAX_DELIVERIES, f"the bus gave it up after {message.deliveries} deliveries")
            return Decoded(failures=[Failure(0, error)])
        try:
            return self._decoder.decode(message)
        except DecodeError as error:
            return Decoded(failures=[Failure(0, error)])
        # A bug of ours: if it ended us, the next process would meet it again. Kept, the message can be replayed later.
        except Exception as error:
            events.unknown_error("decoding", error)
            unforeseen = DecodeError(Reason.NOT_STORABLE, f"unforeseen {type(error).__name__}")
            return Decoded(failures=[Failure(0, unforeseen)])

    def _keep(
        self,
        parts: Parts,
        delivery: Delivery,
        element: int,
        item: Item,
        traceparent: str | None,
        ticket: Ticket | None,
    ) -> None:
        try:
            place = self._router.place(item, delivery.message)
        except ValueError as error:
            self._fail(parts, delivery, element, Reason.INVALID_SYMBOL, str(error), traceparent, ticket)
        else:
            parts[place].append(Entry(delivery, place.counts, element, item, traceparent, ticket))

    def _fail(self, parts: Parts, delivery: Delivery, element: int, *why: *Why) -> None:
        place = self._router.nowhere(delivery.message)
        parts[place].append(Failed(delivery, place.counts, element, *why))

    def _gather(self, place: Place, parts: list[Entry | Failed], now: float) -> Full:
        messages = [part.delivery.message for part in parts]
        place.counts.receive(len(parts), messages[0].offset, messages[-1].offset)
        sizes = [len(message.data) for message in messages]
        return self._batcher.extend(place.lane, Loose(parts, sizes), now)

    def _ignore(self, delivery: Delivery) -> None:
        message = delivery.message
        counts = self._router.nowhere(message).counts
        counts.receive(1, message.offset, message.offset)
        counts.fates[Fate.IGNORED] += 1
        self._ending.settle([delivery], Settlement.STORED)


def _in_order(run: Run, parts: list[Entry | Failed]) -> list[Entry | Failed]:
    """Parts of messages of a run as those follow each other there."""
    order = {run.channel.offset(row): place for place, row in enumerate(run.rows)}
    return sorted(parts, key=lambda part: order[part.delivery.message.offset])
