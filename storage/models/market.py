"""Market data at the edge, one model for each kind of record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

import storage.records as records
from storage.models.base import Model, RecordModel
from storage.models.values import Count, Exact, Int64, Symbol, Text, Time, Timeframe, no_float

Side = Literal["buy", "sell"]

_EXACTLY = Context(prec=200)
_PRICES = {name: f"{name}_price" for name in ("open", "high", "low", "close")}


def _quote_quantity(data: Mapping[str, Any]) -> Decimal:
    return _EXACTLY.multiply(data["price"], data["quantity"])


def _side(data: Mapping[str, Any]) -> Side:
    return "sell" if data["is_buyer_maker"] else "buy"


class Trade(RecordModel[records.Trade]):
    """One execution; `quote_quantity` and `side` (the taker's) follow from the others, and must agree when given."""

    record = records.Trade

    symbol: Symbol
    trade_id: Int64
    timestamp: Time
    price: Exact
    quantity: Exact
    is_buyer_maker: bool
    event_time: Time | None = None
    quote_quantity: Annotated[Decimal, BeforeValidator(no_float)] = Field(default_factory=_quote_quantity)
    side: Side = Field(default_factory=_side)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        exact = _quote_quantity({"price": self.price, "quantity": self.quantity})
        if _EXACTLY.quantize(exact, self.quote_quantity) != self.quote_quantity:
            raise ValueError("quote_quantity is not price times quantity")
        if self.side != _side({"is_buyer_maker": self.is_buyer_maker}):
            raise ValueError("side is the taker's: sell when the buyer is the maker")
        return self


class AggTrade(RecordModel[records.AggTrade]):
    """Executions of one taker order at one price."""

    record = records.AggTrade

    symbol: Symbol
    timestamp: Time
    agg_trade_id: Int64
    first_trade_id: Int64
    last_trade_id: Int64
    price: Exact
    quantity: Exact
    is_buyer_maker: bool
    event_time: Time | None = None


class Candle(RecordModel[records.Candle]):
    """One interval; `timestamp` is its opening time."""

    record = records.Candle

    symbol: Symbol
    timestamp: Time
    timeframe: Timeframe
    open: Exact
    high: Exact
    low: Exact
    close: Exact
    volume: Exact
    quote_volume: Exact | None = None
    trades_count: Count | None = None
    taker_buy_volume: Exact | None = None
    taker_buy_quote_volume: Exact | None = None
    close_time: Time | None = None
    is_closed: bool = True
    event_time: Time | None = None


class OrderBookLevel(Model):
    """A price and the quantity that rests there; a pair is taken too."""

    price: Exact
    quantity: Exact

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) == 2:
            return {"price": value[0], "quantity": value[1]}
        return value


class OrderBookDepth(RecordModel[records.Depth]):
    """The best levels of an order book, or a change of it."""

    record = records.Depth

    symbol: Symbol
    timestamp: Time
    kind: Literal["diff", "snapshot"] = "snapshot"
    first_update_id: Int64 | None = None
    last_update_id: Int64
    previous_update_id: Int64 | None = None
    bids: tuple[OrderBookLevel, ...]
    asks: tuple[OrderBookLevel, ...]
    levels: Annotated[int, Field(strict=True, ge=0)] = 0

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if self.kind == "diff" and (self.first_update_id is None or self.levels):
            raise ValueError("a diff has a first_update_id and no levels")
        return self

    @staticmethod
    def _plain(value: Any) -> Any:
        return tuple((level.price, level.quantity) for level in value) if isinstance(value, tuple) else value


class FundingRate(RecordModel[records.FundingRate]):
    """The rate of one funding time, which is `timestamp`; settled when funding history says so."""

    record = records.FundingRate

    symbol: Symbol
    timestamp: Time
    funding_rate: Exact
    mark_price: Exact | None = None
    is_settled: bool = False
    event_time: Time | None = None


class MarkPrice(RecordModel[records.MarkPrice]):
    """The price that margins are reckoned with."""

    record = records.MarkPrice

    symbol: Symbol
    timestamp: Time
    mark_price: Exact
    index_price: Exact | None = None
    estimated_settle_price: Exact | None = None
    last_funding_rate: Exact | None = None
    next_funding_time: Time | None = None


class Ticker(RecordModel[records.Ticker]):
    """The rolling statistics of 24 hours."""

    record = records.Ticker
    renamed = _PRICES

    symbol: Symbol
    timestamp: Time
    open_price: Exact
    high_price: Exact
    low_price: Exact
    close_price: Exact
    volume: Exact
    quote_volume: Exact
    price_change: Exact
    price_change_percent: Exact
    weighted_average_price: Exact
    trades_count: Count


class MiniTicker(RecordModel[records.MiniTicker]):
    """The short form of the rolling statistics."""

    record = records.MiniTicker
    renamed = _PRICES

    symbol: Symbol
    timestamp: Time
    open_price: Exact
    high_price: Exact
    low_price: Exact
    close_price: Exact
    volume: Exact
    quote_volume: Exact


class BookTicker(RecordModel[records.BookTicker]):
    """The best bid and the best ask."""

    record = records.BookTicker

    symbol: Symbol
    timestamp: Time
    update_id: Int64
    bid_price: Exact
    bid_quantity: Exact
    ask_price: Exact
    ask_quantity: Exact


def _digest(data: Mapping[str, Any]) -> str:
    names = ("side", "price", "quantity", "average_price", "filled_quantity", "status")
    return hashlib.sha256("|".join(str(data[name]) for name in names).encode()).hexdigest()[:16]


class Liquidation(RecordModel[records.Liquidation]):
    """An order that closes a position by force; `digest` stands for it in its key and follows from the others."""

    record = records.Liquidation

    symbol: Symbol
    timestamp: Time
    side: Text
    price: Exact
    average_price: Exact | None = None
    quantity: Exact
    filled_quantity: Exact | None = None
    status: Text | None = None
    digest: str = Field(default_factory=_digest, pattern=r"^[0-9a-f]{16}$")
