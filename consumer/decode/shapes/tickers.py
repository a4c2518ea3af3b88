"""Rolling statistics of a day: `24hrTicker` and `24hrMiniTicker`."""

from __future__ import annotations

from typing import ClassVar, Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, symbol, time
from storage import MiniTicker, Record, Ticker


class TickerShape(Shape, gc=False):
    """`24hrTicker`: rolling statistics of a day."""

    table: ClassVar[str] = "tickers"
    fields: ClassVar[tuple[str, ...]] = ("s", "E", "o", "h", "l", "c", "v", "q", "p", "P", "w", "n")

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


class MiniTickerShape(Shape, gc=False):
    """`24hrMiniTicker`: the short form."""

    table: ClassVar[str] = "mini_tickers"
    fields: ClassVar[tuple[str, ...]] = ("s", "E", "o", "h", "l", "c", "v", "q")

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
