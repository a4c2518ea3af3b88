"""From deliveries to batches: decode, route, gather."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from consumer.decode import Decoded, Decoder, Failure
from consumer.errors import DecodeError
from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline.batcher import Batch, Batcher
from consumer.pipeline.entries import Ending, Entry, Failed, Lane, Part
from consumer.pipeline.router import Place, Router
from consumer.pipeline.tally import Fate, Tally
from consumer.pipeline.ticket import Ticket
from consumer.telemetry import events
from storage import Reason
from storage.packed import Item

Strands = defaultdict[Place, list[Part]]
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

    def take(self, deliveries: Sequence[Delivery], now: float) -> Full:
        """Take deliveries in, and return the batches that they filled."""
        strands: Strands = defaultdict(list)
        places = self._router.places
        read = self._decoder.read([delivery.message for delivery in deliveries])
        for delivery, usual in zip(deliveries, read, strict=True):
            if usual is None:
                self._take_apart(strands, delivery)
                continue
            item, traceparent = usual
            place = places.get((item.table, item.symbol, None, delivery.message.partition))
            if place is None:
                self._keep(strands, delivery, 0, item, traceparent, None)
            else:  # where another has gone: what `_keep` does, without a call
                strands[place].append(Entry(delivery, place.counts, 0, item, traceparent, None))
        return [batch for place, parts in strands.items() for batch in self._gather(place, parts, now)]

    def _take_apart(self, strands: Strands, delivery: Delivery) -> None:
        """What a message says that may say anything: several records, none, or nonsense."""
        decoded = self._decoded(delivery.message)
        parts = len(decoded.items) + len(decoded.failures)
        if not parts:
            self._ignore(delivery)
        ticket = Ticket(parts) if parts > 1 else None
        for element, error in decoded.failures:
            self._fail(strands, delivery, element, error.reason, error.detail, decoded.traceparent, ticket)
        for element, item in decoded.records:
            self._keep(strands, delivery, element, item, decoded.traceparent, ticket)

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
        strands: Strands,
        delivery: Delivery,
        element: int,
        item: Item,
        traceparent: str | None,
        ticket: Ticket | None,
    ) -> None:
        try:
            place = self._router.place(item, delivery.message)
        except ValueError as error:
            self._fail(strands, delivery, element, Reason.INVALID_SYMBOL, str(error), traceparent, ticket)
        else:
            strands[place].append(Entry(delivery, place.counts, element, item, traceparent, ticket))

    def _fail(self, strands: Strands, delivery: Delivery, element: int, *why: *Why) -> None:
        place = self._router.nowhere(delivery.message)
        strands[place].append(Failed(delivery, place.counts, element, *why))

    def _gather(self, place: Place, parts: list[Part], now: float) -> Full:
        messages = [part.delivery.message for part in parts]
        place.counts.receive(len(parts), messages[0].offset, messages[-1].offset)
        return self._batcher.extend(place.lane, parts, [len(message.data) for message in messages], now)

    def _ignore(self, delivery: Delivery) -> None:
        message = delivery.message
        counts = self._router.nowhere(message).counts
        counts.receive(1, message.offset, message.offset)
        counts.fates[Fate.IGNORED] += 1
        self._ending.settle([delivery], Settlement.STORED)
