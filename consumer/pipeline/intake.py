"""From deliveries to batches: decode, route, gather."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.decode import Decoded, Decoder, Failure
from consumer.errors import DecodeError
from consumer.messages import Delivery, Message, Settlement
from consumer.pipeline.batcher import Batch, Batcher
from consumer.pipeline.entries import DEAD_LETTERS, Ending, Entry, Failed, Lane, Part
from consumer.pipeline.router import Router
from consumer.pipeline.tally import NO_DATASET, Counts, Fate, Tally
from consumer.pipeline.ticket import Ticket
from consumer.telemetry import events
from storage import Reason
from storage.packed import Item

Full = list[Batch[Lane, Part]]
"""Batches that were filled."""


class Intake:
    """Takes deliveries in; what they say lies in the batcher afterwards, or in the batches that it returns."""

    def __init__(self, decoder: Decoder, tally: Tally, batcher: Batcher[Lane, Part], ending: Ending) -> None:
        self._decoder = decoder
        self._tally = tally
        self._router = Router(tally)
        self._batcher = batcher
        self._ending = ending

    def take(self, deliveries: Sequence[Delivery], now: float) -> Full:
        """Take deliveries in, and return the batches that they filled."""
        full: Full = []
        for delivery in deliveries:
            decoded = self._decoded(delivery.message)
            parts = len(decoded.records) + len(decoded.failures)
            ticket = Ticket(delivery, parts, decoded.traceparent)
            if not parts:
                self._ignore(ticket)
            for failure in decoded.failures:
                self._fail(ticket, failure.element, failure.error.reason, failure.error.detail, now, full)
            for element, item in decoded.records:
                self._keep(ticket, element, item, now, full)
        return full

    def _decoded(self, message: Message) -> Decoded:
        if message.given_up:
            error = DecodeError(Reason.MAX_DELIVERIES, f"the bus gave it up after {message.deliveries} deliveries")
            return Decoded([], [Failure(0, error)], None)
        try:
            return self._decoder.decode(message)
        except DecodeError as error:
            return Decoded([], [Failure(0, error)], None)
        # A bug of ours: if it ended us, the next process would meet it again. Kept, the message can be replayed later.
        except Exception as error:
            events.unknown_error("decoding", error)
            unforeseen = DecodeError(Reason.NOT_STORABLE, f"unforeseen {type(error).__name__}")
            return Decoded([], [Failure(0, unforeseen)], None)

    def _keep(self, ticket: Ticket, element: int, item: Item, now: float, full: Full) -> None:
        message = ticket.delivery.message
        try:
            lane, counts = self._router.place(item, message)
        except ValueError as error:
            self._fail(ticket, element, Reason.INVALID_SYMBOL, str(error), now, full)
            return
        counts.receive(message.offset)
        batch = self._batcher.add(lane, Entry(ticket, counts, element, item), len(message.data), now)
        if batch is not None:
            full.append(batch)

    def _fail(self, ticket: Ticket, element: int, reason: Reason, error: str, now: float, full: Full) -> None:
        failed = Failed(ticket, self._undecoded(ticket), element, reason, error)
        batch = self._batcher.add(DEAD_LETTERS, failed, len(ticket.message.data), now)
        if batch is not None:
            full.append(batch)

    def _ignore(self, ticket: Ticket) -> None:
        self._undecoded(ticket).fates[Fate.IGNORED] += 1
        ticket.settlement = Settlement.STORED
        self._ending.settle([ticket])

    def _undecoded(self, ticket: Ticket) -> Counts:
        message = ticket.message
        counts = self._tally.of(NO_DATASET, NO_DATASET, message.source, message.partition)
        counts.receive(message.offset)
        return counts
