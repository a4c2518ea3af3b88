"""A record in the words of a stream: what it was, when, and its fields as JSON says them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import JsonValue

from storage.models import market
from storage.models.base import Model, RecordModel
from storage.models.values import Symbol, Text, Time
from storage.records import Record


class EventType(StrEnum):
    """The types of events."""

    TRADE = "trade"
    AGG_TRADE = "aggTrade"
    KLINE = "kline"
    DEPTH = "depth"
    FUNDING_RATE = "fundingRate"
    MARK_PRICE = "markPrice"
    TICKER = "ticker"
    MINI_TICKER = "miniTicker"
    BOOK_TICKER = "bookTicker"
    LIQUIDATION = "forceOrder"
    UNKNOWN = "unknown"


MODELS: Mapping[EventType, type[RecordModel[Any]]] = {
    EventType.TRADE: market.Trade,
    EventType.AGG_TRADE: market.AggTrade,
    EventType.KLINE: market.Candle,
    EventType.DEPTH: market.OrderBookDepth,
    EventType.FUNDING_RATE: market.FundingRate,
    EventType.MARK_PRICE: market.MarkPrice,
    EventType.TICKER: market.Ticker,
    EventType.MINI_TICKER: market.MiniTicker,
    EventType.BOOK_TICKER: market.BookTicker,
    EventType.LIQUIDATION: market.Liquidation,
}
MODEL_OF: Mapping[type[Record], type[RecordModel[Any]]] = {model.record: model for model in MODELS.values()}
TYPE_OF: Mapping[type[Record], EventType] = {model.record: type for type, model in MODELS.items()}


def model_of(record: Record) -> RecordModel[Any]:
    """The model of a record of any kind."""
    return MODEL_OF[type(record)].from_record(record)


class MarketDataEvent(Model):
    """One record with its type; `data` holds all fields of its model."""

    event_type: EventType
    symbol: Symbol
    timestamp: Time
    data: dict[str, JsonValue]
    exchange: Text = "binance"
    stream: Text | None = None

    @classmethod
    def from_record(cls, record: Record, *, exchange: str = "binance", stream: str | None = None) -> Self:
        """The event that a record tells of."""
        return cls(
            event_type=TYPE_OF[type(record)],
            symbol=record.symbol,
            timestamp=record.timestamp,
            data=model_of(record).model_dump(mode="json", exclude_none=True),
            exchange=exchange,
            stream=stream,
        )

    def to_record(self) -> Record:
        """The record; raises ValueError for an event of no known type."""
        if self.event_type not in MODELS:
            raise ValueError(f"no record is made of an event of type {self.event_type}")
        record: Record = MODELS[self.event_type].model_validate(self.data).to_record()
        return record
