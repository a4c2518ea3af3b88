"""What a market says, as frozen values: exact decimals, aware UTC times, absent is None.

The fields are those of the documents, in their order. Two attributes are never stored as fields:
`bus_time` says that `timestamp` came from the bus and is no part of the content, and
`Liquidation.digest` stands for the order in its key, because the exchange gives none.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

Level = tuple[Decimal, Decimal]
"""A price and the quantity that rests there; quantity 0 in a diff removes the level."""


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One fact about one symbol; `timestamp` is the event's own time."""

    symbol: str
    timestamp: datetime
    bus_time: bool = False


class Trade(Record, frozen=True, gc=False, kw_only=True):
    """One execution on the tape."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    is_buyer_maker: bool
    event_time: datetime | None = None


class AggTrade(Record, frozen=True, gc=False, kw_only=True):
    """Executions of one taker order at one price."""

    agg_trade_id: int
    first_trade_id: int
    last_trade_id: int
    price: Decimal
    quantity: Decimal
    is_buyer_maker: bool
    event_time: datetime | None = None


class Candle(Record, frozen=True, gc=False, kw_only=True):
    """One interval; `timestamp` is its opening time. It changes until it is closed."""

    timeframe: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal | None = None
    trades_count: int | None = None
    taker_buy_volume: Decimal | None = None
    taker_buy_quote_volume: Decimal | None = None
    close_time: datetime | None = None
    is_closed: bool
    event_time: datetime | None = None


class Depth(Record, frozen=True, gc=False, kw_only=True):
    """A change of the order book ("diff") or its best levels ("snapshot")."""

    kind: Literal["diff", "snapshot"]
    first_update_id: int | None = None
    last_update_id: int
    previous_update_id: int | None = None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    levels: int = 0


class FundingRate(Record, frozen=True, gc=False, kw_only=True):
    """The rate of one funding time; it runs until that time has passed and history settles it."""

    funding_rate: Decimal
    mark_price: Decimal | None = None
    is_settled: bool
    event_time: datetime | None = None


class MarkPrice(Record, frozen=True, gc=False, kw_only=True):
    """The price that margins are reckoned with."""

    mark_price: Decimal
    index_price: Decimal | None = None
    estimated_settle_price: Decimal | None = None
    last_funding_rate: Decimal | None = None
    next_funding_time: datetime | None = None


class Ticker(Record, frozen=True, gc=False, kw_only=True):
    """The rolling statistics of 24 hours."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    price_change: Decimal
    price_change_percent: Decimal
    weighted_average_price: Decimal
    trades_count: int


class MiniTicker(Record, frozen=True, gc=False, kw_only=True):
    """The short form of the rolling statistics."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal


class BookTicker(Record, frozen=True, gc=False, kw_only=True):
    """The best bid and the best ask."""

    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class Liquidation(Record, frozen=True, gc=False, kw_only=True):
    """An order that the exchange placed to close a position by force."""

    side: str
    price: Decimal
    average_price: Decimal | None = None
    quantity: Decimal
    filled_quantity: Decimal | None = None
    status: str | None = None
    digest: str
