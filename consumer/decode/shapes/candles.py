"""Candles: `kline` and `continuous_kline`."""

from __future__ import annotations

from typing import Literal

import msgspec

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, optional_time, symbol, time, timeframe
from storage import Candle, Record


class Kline(msgspec.Struct, gc=False):
    """The candle inside of `kline` and `continuous_kline`."""

    t: Int64
    T: Int64
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - the wire's own name
    c: str
    v: str
    q: str
    n: Int64
    x: bool
    V: str
    Q: str

    def candle(self, of: str, event_time: int | None) -> Candle:
        """The candle of symbol `of` as it was at `event_time`."""
        return Candle(
            symbol=of,
            timestamp=time(self.t),
            timeframe=timeframe(self.i),
            open=decimal(self.o),
            high=decimal(self.h),
            low=decimal(self.l),
            close=decimal(self.c),
            volume=decimal(self.v),
            quote_volume=decimal(self.q),
            trades_count=self.n,
            taker_buy_volume=decimal(self.V),
            taker_buy_quote_volume=decimal(self.Q),
            close_time=time(self.T),
            is_closed=self.x,
            event_time=optional_time(event_time),
        )


class KlineShape(Shape, gc=False):
    """`kline`: a candle that changes until `x` says that it is closed."""

    e: Literal["kline"]
    s: str
    k: Kline
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (self.k.candle(symbol(self.s), self.E),)


class ContinuousKlineShape(Shape, gc=False):
    """`continuous_kline`: a candle of whichever contract is the current one; its symbol is `{ps}_{ct}`."""

    e: Literal["continuous_kline"]
    ps: str
    ct: str
    k: Kline
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (self.k.candle(symbol(f"{self.ps}_{self.ct}"), self.E),)
