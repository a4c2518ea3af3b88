"""Values at the edge: pydantic models with the names that users of market data know, to records and back.

They are checked as strictly as a store would: floats for prices and naive times are refused.
"""

from storage.models.events import MODEL_OF, EventType, MarketDataEvent, model_of
from storage.models.market import (
    AggTrade,
    BookTicker,
    Candle,
    FundingRate,
    Liquidation,
    MarkPrice,
    MiniTicker,
    OrderBookDepth,
    OrderBookLevel,
    Ticker,
    Trade,
)
from storage.models.quality import BackfillJob, BackfillRequest, DataHealthMetrics, GapInfo, LineageRecord

__all__ = [
    "MODEL_OF",
    "AggTrade",
    "BackfillJob",
    "BackfillRequest",
    "BookTicker",
    "Candle",
    "DataHealthMetrics",
    "EventType",
    "FundingRate",
    "GapInfo",
    "LineageRecord",
    "Liquidation",
    "MarkPrice",
    "MarketDataEvent",
    "MiniTicker",
    "OrderBookDepth",
    "OrderBookLevel",
    "Ticker",
    "Trade",
    "model_of",
]
