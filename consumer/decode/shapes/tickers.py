"""Rolling statistics of a day: `24hrTicker` and `24hrMiniTicker`."""

from __future__ import annotations

from typing import ClassVar, Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, symbol, time
from storage import MiniTicker, Record, Ticker
from storage.packed import Item, Pack, Packed


class TickerShape(Shape, gc=False):
    """`24hrTicker`: rolling statistics of a day."""

    table: ClassVar[str] = "tickers"

    e: Literal["24hrTicker"]
    E: Int64
    s: str
    p: str
    P: str
    w: str
    c: str
    o: str
    h: str
    l: str  # noqa: E741 - the wire's own name
    v: str
    q: str
    n: Int64

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Ticker(
                symbol=symbol(self.s),
                timestamp=time(self.E),
                open=decimal(self.o),
                high=decimal(self.h),
                low=decimal(self.l),
                close=decimal(self.c),
                volume=decimal(self.v),
                quote_volume=decimal(self.q),
                price_change=decimal(self.p),
                price_change_percent=decimal(self.P),
                weighted_average_price=decimal(self.w),
                trades_count=self.n,
            ),
        )

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        prices = (self.o, self.h, self.l, self.c, self.v, self.q, self.p, self.P, self.w)
        return (Packed(*pack(symbol(self.s), self.E, *prices, self.n), self.table),)


class MiniTickerShape(Shape, gc=False):
    """`24hrMiniTicker`: the short form."""

    table: ClassVar[str] = "mini_tickers"

    e: Literal["24hrMiniTicker"]
    E: Int64
    s: str
    c: str
    o: str
    h: str
    l: str  # noqa: E741 - the wire's own name
    v: str
    q: str

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            MiniTicker(
                symbol=symbol(self.s),
                timestamp=time(self.E),
                open=decimal(self.o),
                high=decimal(self.h),
                low=decimal(self.l),
                close=decimal(self.c),
                volume=decimal(self.v),
                quote_volume=decimal(self.q),
            ),
        )

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        prices = (self.o, self.h, self.l, self.c, self.v, self.q)
        return (Packed(*pack(symbol(self.s), self.E, *prices), self.table),)
