"""Messages as most of them come, `{"stream": …, "data": {"e": …}}` or `{"e": …}`, read in one pass: the fast way.

Its plain twin is the long way of `Decoder`; a property test holds both equal. Measured for a trade: 0.6 µs of JSON
against 1.6 µs for an envelope, its parts, and a payload after it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec

from consumer.decode.origin import ABSENT, Origin, parse_stream
from consumer.decode.shapes import BY_EVENT, BY_STREAM, SHAPES, BookTickerShape, Shape
from storage.packed import Item, Packs

S = TypeVar("S", bound=Shape)


class TraceHeaders(msgspec.Struct, gc=False):
    """The W3C trace context that publishers add; other headers are skipped."""

    traceparent: str | None = None


class Wrapped(msgspec.Struct, Generic[S], gc=False):
    """A payload of a shape that is known before, in its wrapper."""

    data: S
    stream: str | None = None
    otel: TraceHeaders | None = msgspec.field(name="_otel_trace_headers", default=None)


class TimedBookTickerShape(BookTickerShape, gc=False, kw_only=True):
    """A `bookTicker` that says its own time; without one the wrapper and the bus have to be asked."""

    T: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Way(NamedTuple):
    """How messages of one event are read."""

    wrapped: msgspec.json.Decoder[Wrapped[Shape]]
    flat: msgspec.json.Decoder[Any]
    long: msgspec.json.Decoder[Shape]


_AROUND: list[tuple[str, Any, Any]] = [
    ("stream", str | None, None),
    ("otel", TraceHeaders | None, msgspec.field(name="_otel_trace_headers", default=None)),
    *((name, msgspec.Raw, ABSENT) for name in ("data", "result", "error")),
]
"""What may stand beside a payload without a wrapper, and says where it comes from, or that it is none."""


def _way(event: str, shape: Any) -> Way:
    flat = msgspec.defstruct(f"Flat{shape.__name__}", _AROUND, bases=(shape,), gc=False)
    return Way(msgspec.json.Decoder(Wrapped[shape]), msgspec.json.Decoder(flat), BY_EVENT[event])


_EXPRESS = {**SHAPES, "bookTicker": TimedBookTickerShape}
_WAYS = {event.encode(): _way(event, shape) for event, shape in _EXPRESS.items()}
_EVENT = b'"e":"'
_FLAT = b'{"e":'


Found = tuple[tuple[Item, ...], str | None]
"""The items of a message, and its trace."""


def express(data: bytes, packs: Packs) -> Found | None:
    """The items of a message and its trace; None for any message that the long way has to look at.

    Raises what msgspec raises, or DecodeError.
    """
    start = data.find(_EVENT) + len(_EVENT)
    way = _WAYS.get(data[start : data.find(b'"', start)])
    if way is None:
        return None
    if data.startswith(_FLAT):
        around = payload = way.flat.decode(data)
        if not (payload.data is payload.result is payload.error is ABSENT):
            return None
    else:
        around = way.wrapped.decode(data)
        payload = around.data
    origin = _origin(around.stream)
    if BY_STREAM.get(origin.kind, way.long) is not way.long:
        return None
    otel: TraceHeaders | None = around.otel
    return payload.items(packs, origin), None if otel is None else otel.traceparent


@lru_cache(maxsize=8_192)
def _origin(stream: str | None) -> Origin:
    return Origin(*parse_stream(stream)) if stream else Origin()
