"""Mark prices and funding: `markPriceUpdate` and rows of REST funding history."""

from __future__ import annotations

from typing import Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, funding_time, optional_decimal, optional_time, symbol, time
from storage import FundingRate, MarkPrice, Record


class MarkPriceShape(Shape, gc=False):
    """`markPriceUpdate`: a mark price, and the funding rate as it runs towards the next funding time."""

    e: Literal["markPriceUpdate"]
    E: Int64
    s: str
    p: str
    i: str | None = None
    P: str | None = None
    r: str | None = None
    T: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        rate, event_time = optional_decimal(self.r), time(self.E)
        mark = MarkPrice(
            symbol=symbol(self.s),
            timestamp=event_time,
            mark_price=decimal(self.p),
            index_price=optional_decimal(self.i),
            estimated_settle_price=optional_decimal(self.P),
            last_funding_rate=rate,
            next_funding_time=optional_time(self.T),
        )
        if rate is None or not self.T:
            return (mark,)
        funding = FundingRate(
            symbol=mark.symbol,
            timestamp=funding_time(self.T),
            funding_rate=rate,
            mark_price=mark.mark_price,
            is_settled=False,
            event_time=event_time,
        )
        return (mark, funding)


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
