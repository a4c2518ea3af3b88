"""The shapes on the wire and the records they say: the only place that knows the exchange's field names.

Shapes are those of Binance's web-socket streams for spot and futures (developers.binance.com, "Web Socket
Streams"); one class each, fields named as on the wire, unknown fields skipped.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec

from consumer.decode.origin import Origin
from consumer.decode.values import (
    decimal,
    funding_time,
    optional_decimal,
    optional_time,
    symbol,
    time,
    timeframe,
)
from storage import (
    AggTrade,
    BookTicker,
    Candle,
    Depth,
    FundingRate,
    Liquidation,
    MarkPrice,
    MiniTicker,
    Record,
    Ticker,
    Trade,
)
from storage.records import Level

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Status = Annotated[str, msgspec.Meta(pattern="^[A-Z_]{1,32}$")]
WireLevels = tuple[tuple[str, str], ...]


class Shape(msgspec.Struct, gc=False):
    """A payload as it stands on the wire."""

    def records(self, origin: Origin) -> tuple[Record, ...]:
        """The records that this payload says; raises DecodeError for values that cannot be kept exactly."""
        raise AssertionError("every shape says its own records")


class TradeShape(Shape, gc=False):
    """`trade`: one execution; several share a millisecond."""

    e: Literal["trade"]
    s: str
    t: Int64
    p: str
    q: str
    T: Int64
    m: bool
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Trade(
                symbol=symbol(self.s),
                timestamp=time(self.T),
                trade_id=self.t,
                price=decimal(self.p),
                quantity=decimal(self.q),
                is_buyer_maker=self.m,
                event_time=optional_time(self.E),
            ),
        )


class AggTradeShape(Shape, gc=False):
    """`aggTrade`: the executions of one taker order at one price."""

    e: Literal["aggTrade"]
    s: str
    a: Int64
    p: str
    q: str
    f: Int64
    l: Int64  # noqa: E741 - the wire's own name
    T: Int64
    m: bool
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            AggTrade(
                symbol=symbol(self.s),
                timestamp=time(self.T),
                agg_trade_id=self.a,
                first_trade_id=self.f,
                last_trade_id=self.l,
                price=decimal(self.p),
                quantity=decimal(self.q),
                is_buyer_maker=self.m,
                event_time=optional_time(self.E),
            ),
        )


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


class DepthShape(Shape, gc=False):
    """`depthUpdate`: a diff, or the best levels when the stream's name says so."""

    e: Literal["depthUpdate"]
    E: Int64
    s: str
    U: Int64
    u: Int64
    b: WireLevels
    a: WireLevels
    pu: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Depth(
                symbol=symbol(self.s),
                timestamp=time(self.E),
                kind="snapshot" if origin.levels else "diff",
                first_update_id=self.U,
                last_update_id=self.u,
                previous_update_id=self.pu,
                bids=levels(self.b),
                asks=levels(self.a),
                levels=origin.levels,
            ),
        )


class PartialDepthShape(Shape, gc=False):
    """Spot partial depth and REST depth: no event name, no symbol, often no time."""

    lastUpdateId: Int64  # noqa: N815 - the wire's own name
    bids: WireLevels
    asks: WireLevels
    s: str | None = None
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Depth(
                symbol=symbol(self.s or origin.stream_symbol()),
                timestamp=time(self.E) if self.E else origin.time(),
                bus_time=not self.E,
                kind="snapshot",
                last_update_id=self.lastUpdateId,
                bids=levels(self.bids),
                asks=levels(self.asks),
                levels=origin.levels or max(len(self.bids), len(self.asks)),
            ),
        )


class BookTickerShape(Shape, gc=False):
    """`bookTicker`: best bid and ask; on spot without event name and time."""

    u: Int64
    s: str
    b: str
    B: str
    a: str
    A: str
    e: Literal["bookTicker"] | None = None
    T: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            BookTicker(
                symbol=symbol(self.s),
                timestamp=time(self.T) if self.T else origin.time(),
                bus_time=not self.T,
                update_id=self.u,
                bid_price=decimal(self.b),
                bid_quantity=decimal(self.B),
                ask_price=decimal(self.a),
                ask_quantity=decimal(self.A),
            ),
        )


class TickerShape(Shape, gc=False):
    """`24hrTicker`: rolling statistics of a day."""

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


class Order(msgspec.Struct, gc=False):
    """The order inside of `forceOrder`."""

    s: str
    S: Literal["BUY", "SELL"]
    q: str
    p: str
    T: Int64
    ap: str | None = None
    X: Status | None = None
    l: str | None = None  # noqa: E741 - the wire's own name
    z: str | None = None

    def digest(self) -> str:
        """Sixteen hex digits of SHA-256 over the order's own texts: the exchange gives it no id."""
        text = "|".join(value or "" for value in (self.S, self.p, self.q, self.ap, self.X, self.l, self.z))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ForceOrderShape(Shape, gc=False):
    """`forceOrder`: a liquidation; its symbol stands in the order."""

    e: Literal["forceOrder"]
    o: Order

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Liquidation(
                symbol=symbol(self.o.s),
                timestamp=time(self.o.T),
                side=self.o.S,
                price=decimal(self.o.p),
                average_price=optional_decimal(self.o.ap),
                quantity=decimal(self.o.q),
                filled_quantity=optional_decimal(self.o.z),
                status=self.o.X,
                digest=self.o.digest(),
            ),
        )


def levels(wire: WireLevels) -> tuple[Level, ...]:
    """The levels of one side of a book, exact."""
    return tuple((decimal(price), decimal(quantity)) for price, quantity in wire)


def _decoder(shape: Any) -> msgspec.json.Decoder[Shape]:
    return msgspec.json.Decoder(shape)


BY_EVENT = {
    "trade": _decoder(TradeShape),
    "aggTrade": _decoder(AggTradeShape),
    "kline": _decoder(KlineShape),
    "continuous_kline": _decoder(ContinuousKlineShape),
    "depthUpdate": _decoder(DepthShape),
    "bookTicker": _decoder(BookTickerShape),
    "24hrTicker": _decoder(TickerShape),
    "24hrMiniTicker": _decoder(MiniTickerShape),
    "markPriceUpdate": _decoder(MarkPriceShape),
    "forceOrder": _decoder(ForceOrderShape),
}
"""By the event's name `e`, which is the surest sign there is."""

BY_STREAM = {
    "trade": BY_EVENT["trade"],
    "aggTrade": BY_EVENT["aggTrade"],
    "kline": BY_EVENT["kline"],
    "continuousKline": BY_EVENT["continuous_kline"],
    "bookTicker": BY_EVENT["bookTicker"],
    "ticker": BY_EVENT["24hrTicker"],
    "miniTicker": BY_EVENT["24hrMiniTicker"],
    "markPrice": BY_EVENT["markPriceUpdate"],
    "forceOrder": BY_EVENT["forceOrder"],
}
"""By the stream's type, which spares a look at `e`; the shape itself insists on the right `e`."""

PARTIAL_DEPTH = _decoder(PartialDepthShape)
BOOK_TICKER = BY_EVENT["bookTicker"]
FUNDING_ROW = _decoder(FundingRow)
