"""One message to the records in it: limits, envelope, shape, values.

bytes ─► limits ─► envelope ─► stream, payload, trace ─► shape ─► records
               └─► the usual wrapper, in one pass ─────────┘

Where a compiler was there, the usual message goes none of these ways: it is read, from its bytes to what the store
writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from consumer.decode import compiled
from consumer.decode.decoded import Decoded, Failure, Usual
from consumer.decode.express import Express, TraceHeaders
from consumer.decode.limits import check_limits
from consumer.decode.origin import ABSENT, Origin, parse_stream, subject_symbol
from consumer.decode.shapes import BOOK_TICKER, BY_EVENT, BY_STREAM, FUNDING_ROW, PARTIAL_DEPTH, Shape
from consumer.errors import DecodeError
from consumer.messages import Message
from storage import Reason, Record
from storage.packed import NO_PACKS, Item, Packed, Packs, plain


class Envelope(msgspec.Struct, gc=False):
    """The wrapper of combined streams with what publishers add to it; a flat payload leaves `data` unset."""

    data: msgspec.Raw = ABSENT
    stream: str | None = None
    timestamp: msgspec.Raw = ABSENT
    otel: msgspec.Raw = msgspec.field(name="_otel_trace_headers", default=ABSENT)
    id: msgspec.Raw = ABSENT
    result: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT

    def is_control_frame(self) -> bool:
        """Whether this answers a subscription instead of saying anything of a market."""
        answers = self.result is not ABSENT or self.error is not ABSENT
        return answers and self.id is not ABSENT and self.data is ABSENT and self.stream is None


class Hints(msgspec.Struct, gc=False):
    """The fields that tell shapes apart when the stream's name does not."""

    e: str | None = None
    lastUpdateId: msgspec.Raw = ABSENT  # noqa: N815 - the wire's own name
    fundingTime: msgspec.Raw = ABSENT  # noqa: N815 - the wire's own name
    u: msgspec.Raw = ABSENT
    B: msgspec.Raw = ABSENT

    def decoder(self) -> msgspec.json.Decoder[Shape]:
        """The decoder of the one shape that fits; raises DecodeError when none does."""
        if self.e is not None:
            if self.e not in BY_EVENT:
                raise DecodeError(Reason.UNKNOWN_EVENT, f"event {self.e[:60]!r}")
            return BY_EVENT[self.e]
        if self.lastUpdateId is not ABSENT:
            return PARTIAL_DEPTH
        if self.fundingTime is not ABSENT:
            return FUNDING_ROW
        if self.u is not ABSENT and self.B is not ABSENT:
            return BOOK_TICKER
        raise DecodeError(Reason.UNKNOWN_EVENT, "no event name, and the fields fit no shape without one")


_envelopes = msgspec.json.Decoder(Envelope)
_hints = msgspec.json.Decoder(Hints)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_traces = msgspec.json.Decoder(TraceHeaders)


class Decoder:
    """Turns messages into records; holds nothing but its limits and the packs of the store.

    Units: `max_bytes` of a message, `max_nesting` levels of brackets.
    """

    def __init__(self, *, max_bytes: int, max_nesting: int, packs: Packs = NO_PACKS) -> None:
        self._max_bytes = max_bytes
        self._max_nesting = max_nesting
        self._packs = packs
        self._read = compiled.reader(packs, max_bytes, max_nesting)
        self._express = Express(packs)

    def read(self, messages: list[bytes]) -> tuple[list[Usual], Sequence[int]]:
        """What usual messages say, by table and symbol, and the places of those that have to be decoded."""
        found, others = self._read(messages)
        return [Usual(table, symbol, *columns) for (table, symbol), columns in found.items()], others

    def decode(self, message: Message) -> Decoded:
        """The records of a message; raises DecodeError, and nothing else, when there can be none."""
        check_limits(message.data, self._max_bytes, self._max_nesting)
        decoded: Decoded | None
        try:
            decoded = self._express(message.data)
        except (ValueError, RecursionError, DecodeError):
            decoded = None  # the long way says what is wrong
        if decoded is None:
            decoded = self._decode(message)
        if decoded.traceparent is None and message.raw_headers:
            decoded.traceparent = message.headers.get("traceparent")
        for item in decoded.items:
            if isinstance(item, Packed):
                item.message, item.unpacks = message, self
        return decoded

    def record(self, message: Message, place: int) -> Record:
        """The plain record at that place in a message that was decoded before."""
        return plain(self._plain.decode(message).items[place])

    @cached_property
    def _plain(self) -> Decoder:
        """The same, for a store that wants plain records."""
        return Decoder(max_bytes=self._max_bytes, max_nesting=self._max_nesting)

    def _decode(self, message: Message) -> Decoded:
        """The long way: envelope, payload, shape."""
        try:
            return self._unwrap(message)
        except DecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise _refusal(error) from None

    def _unwrap(self, message: Message) -> Decoded:
        data = message.data
        if data.lstrip()[:1] == b"[":
            return self._decode_list(data, _origin(None, ABSENT, message), None)
        envelope = _envelopes.decode(data)
        trace = _body_trace(envelope.otel)
        if envelope.is_control_frame():
            return Decoded(traceparent=trace)
        payload = bytes(envelope.data) if envelope.data is not ABSENT else data
        origin = _origin(envelope.stream, envelope.timestamp, message)
        if payload[:1] == b"[":
            return self._decode_list(payload, origin, trace)
        return Decoded(self._items(payload, origin), trace)

    def _decode_list(self, payload: bytes, origin: Origin, trace: str | None) -> Decoded:
        items: list[Item] = []
        elements: list[int] = []
        failures: list[Failure] = []
        for element, raw in enumerate(_elements.decode(payload)):
            try:
                items += self._items(bytes(raw), origin)
            except (ValueError, RecursionError, DecodeError) as error:
                failures.append(Failure(element, _refusal(error)))
            elements += [element] * (len(items) - len(elements))
        for place, item in enumerate(items):
            if isinstance(item, Packed):
                item.place = place
        return Decoded(items, trace, elements, failures)

    def _items(self, payload: bytes, origin: Origin) -> tuple[Item, ...]:
        decoder = BY_STREAM.get(origin.kind) or _hints.decode(payload).decoder()
        shape = decoder.decode(payload)
        return shape.items(self._packs.get(shape.table), origin)


def _origin(stream: str | None, written: msgspec.Raw, message: Message) -> Origin:
    symbol, kind, levels = parse_stream(stream) if stream else ("", "", 0)
    return Origin(symbol or subject_symbol(message.subject), kind, levels, written, message.time_ms)


def _body_trace(raw: msgspec.Raw) -> str | None:
    if raw is ABSENT:
        return None
    try:
        return _traces.decode(raw).traceparent
    except ValueError:
        return None  # a broken trace context is no reason to lose market data


def _refusal(error: Exception) -> DecodeError:
    """The reason for what msgspec says; its texts are pinned by a test."""
    if isinstance(error, DecodeError):
        return error
    text = str(error)[:300].encode(errors="backslashreplace").decode()
    if isinstance(error, RecursionError):
        return DecodeError(Reason.TOO_DEEP, "nested deeper than the decoder goes")
    if isinstance(error, UnicodeDecodeError):
        return DecodeError(Reason.NOT_UTF8, text)
    if isinstance(error, msgspec.ValidationError):
        return DecodeError(_broken_rule(text), text)
    return DecodeError(Reason.NOT_JSON, text)


def _broken_rule(text: str) -> Reason:
    if "missing required field" in text:
        return Reason.MISSING_FIELD
    return Reason.UNKNOWN_EVENT if text.endswith("`$.e`") else Reason.WRONG_TYPE
