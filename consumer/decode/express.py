"""Messages as most of them come, `{"stream": …, "data": {"e": …}}` or `{"e": …}`, read in one pass: the fast way.

Its plain twin is the long way of `Decoder`; a property test holds both equal. Measured for a trade: 0.6 µs of JSON
against 1.6 µs for an envelope, its parts, and a payload after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from consumer.decode.decoded import Decoded
from consumer.decode.origin import ABSENT, Origin, parse_stream
from consumer.decode.shapes import BY_EVENT, BY_STREAM, SHAPES, BookTickerShape, Shape
from storage.packed import Pack, Packs

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
    """A `bookTicker` that says what it is and when; else the fields, the wrapper and the bus have to be asked."""

    e: Literal["bookTicker"]
    T: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Way(NamedTuple):
    """How messages of one event are read, and what packs them."""

    event: str
    wrapped: Callable[[bytes], Wrapped[Any]]
    flat: Callable[[bytes], Any]
    pack: Pack | None


_AROUND: list[tuple[str, Any, Any]] = [
    ("stream", str | None, None),
    ("otel", TraceHeaders | None, msgspec.field(name="_otel_trace_headers", default=None)),
    *((name, msgspec.Raw, ABSENT) for name in ("data", "result", "error")),
]
"""What may stand beside a payload without a wrapper, and says where it comes from, or that it is none."""


def _flat(shape: Any) -> Any:
    return msgspec.defstruct(f"Flat{shape.__name__}", _AROUND, bases=(shape,), gc=False)


_EXPRESS: dict[str, type[Shape]] = {**SHAPES, "bookTicker": TimedBookTickerShape}
_WRAPPED = {event: msgspec.json.Decoder(Wrapped[shape]) for event, shape in _EXPRESS.items()}  # type: ignore[valid-type]
_FLAT = {event: msgspec.json.Decoder(_flat(shape)) for event, shape in _EXPRESS.items()}
_EVENT = b'"e":"'
_BEGINS_FLAT = b'{"e":'


class Express:
    """Reads usual messages for a store with these packs."""

    def __init__(self, packs: Packs) -> None:
        self._ways = {
            event.encode(): Way(event, _WRAPPED[event].decode, _FLAT[event].decode, packs.get(shape.table))
            for event, shape in _EXPRESS.items()
        }

    def __call__(self, data: bytes) -> Decoded | None:
        """What a message says; None for any message that the long way has to look at.

        Raises what msgspec raises, or DecodeError.
        """
        start = data.find(_EVENT) + len(_EVENT)
        way = self._ways.get(data[start : data.find(b'"', start)])
        if way is None:
            return None
        if data.startswith(_BEGINS_FLAT):
            around = payload = way.flat(data)
            if not (payload.data is payload.result is payload.error is ABSENT):
                return None
        else:
            around = way.wrapped(data)
            payload = around.data
        origin = origin_of(around.stream, way.event)
        if origin is None:
            return None
        otel: TraceHeaders | None = around.otel
        return Decoded(payload.items(way.pack, origin), None if otel is None else otel.traceparent)


@lru_cache(maxsize=8_192)
def origin_of(stream: str | None, event: str) -> Origin | None:
    """Where a message comes from; None when its stream is one of other events."""
    origin = Origin(*parse_stream(stream)) if stream else Origin()
    own = BY_EVENT[event]
    return origin if BY_STREAM.get(origin.kind, own) is own else None
