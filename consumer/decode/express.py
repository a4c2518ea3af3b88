"""Messages in the usual wrapper, `{"stream": …, "data": {"e": …}}`, read in one pass: the decoder's fast way.

Its plain twin is the long way of `Decoder`; a property test holds both equal. Measured for a trade: 0.6 µs of JSON
against 1.6 µs for an envelope, its parts, and a payload after it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from consumer.decode.origin import Origin, parse_stream
from consumer.decode.shapes import (
    BY_EVENT,
    BY_STREAM,
    AggTradeShape,
    BookTickerShape,
    ContinuousKlineShape,
    DepthShape,
    ForceOrderShape,
    KlineShape,
    MarkPriceShape,
    MiniTickerShape,
    Shape,
    TickerShape,
    TradeShape,
)
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


_SHAPES: dict[str, type[Shape]] = {
    "trade": TradeShape,
    "aggTrade": AggTradeShape,
    "kline": KlineShape,
    "continuous_kline": ContinuousKlineShape,
    "depthUpdate": DepthShape,
    "bookTicker": TimedBookTickerShape,
    "24hrTicker": TickerShape,
    "24hrMiniTicker": MiniTickerShape,
    "markPriceUpdate": MarkPriceShape,
    "forceOrder": ForceOrderShape,
}


def _decoder(shape: Any) -> msgspec.json.Decoder[Wrapped[Shape]]:
    return msgspec.json.Decoder(Wrapped[shape])


_DECODERS = {event.encode(): (_decoder(shape), BY_EVENT[event]) for event, shape in _SHAPES.items()}
_EVENT = b'"e":"'


def express(data: bytes, packs: Packs) -> tuple[tuple[Item, ...], str | None] | None:
    """The items of a wrapped message and its trace; None for any message that the long way has to look at.

    Raises what msgspec raises, or DecodeError.
    """
    start = data.find(_EVENT) + len(_EVENT)
    found = _DECODERS.get(data[start : data.find(b'"', start)])
    if found is None:
        return None
    decoder, shape = found
    wrapped = decoder.decode(data)
    origin = _origin(wrapped.stream)
    if BY_STREAM.get(origin.kind, shape) is not shape:
        return None
    otel = wrapped.otel
    return wrapped.data.items(packs, origin), otel.traceparent if otel is not None else None


@lru_cache(maxsize=8_192)
def _origin(stream: str | None) -> Origin:
    return Origin(*parse_stream(stream)) if stream else Origin()
