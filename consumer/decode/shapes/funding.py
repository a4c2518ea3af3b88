"""Mark prices and funding: `markPriceUpdate` and rows of REST funding history."""

from __future__ import annotations

from typing import ClassVar, Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, funding_time, optional_decimal, optional_time, symbol, time
from storage import FundingRate, MarkPrice, Record
from storage.packed import Item, Pack, Packed


class MarkPriceShape(Shape, gc=False):
    """`markPriceUpdate`: a mark price, and the funding rate as it runs towards the next funding time."""

    table: ClassVar[str] = "mark_prices"
    e: Literal["markPriceUpdate"]
    E: Int64
    s: str
    p: str
    i: str | None = None
    P: str | None = None
    r: str | None = None
    T: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        mark = self._mark()
        return (mark, self._funding()) if self.r and self.T else (mark,)

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        prices = (self.p, self.i or None, self.P or None, self.r or None)
        mark = Packed(*pack(symbol(self.s), self.E, *prices, self.T), self.table)
        return (mark, self._funding()) if self.r and self.T else (mark,)

    def _mark(self) -> MarkPrice:
        return MarkPrice(
            symbol=symbol(self.s),
            timestamp=time(self.E),
            mark_price=decimal(self.p),
            index_price=optional_decimal(self.i),
            estimated_settle_price=optional_decimal(self.P),
            last_funding_rate=optional_decimal(self.r),
            next_funding_time=optional_time(self.T),
        )

    def _funding(self) -> FundingRate:
        return FundingRate(
            symbol=symbol(self.s),
            timestamp=funding_time(self.T or 0),
            funding_rate=decimal(self.r or ""),
            mark_price=decimal(self.p),
            is_settled=False,
            event_time=time(self.E),
        )


class FundingRow(Shape, gc=False):
    """A row of REST funding history: the settled rate of a funding time."""

    symbol: str
    fundingTime: Int64  # noqa: N815 - the wire's own name
    fundingRate: str  # noqa: N815 - the wire's own name
    markPrice: str | None = None  # noqa: N815 - the wire's own name

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            FundingRate(
                symbol=symbol(self.symbol),
                timestamp=funding_time(self.fundingTime),
                funding_rate=decimal(self.fundingRate),
                mark_price=optional_decimal(self.markPrice),
                is_settled=True,
            ),
        )
