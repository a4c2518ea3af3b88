"""The shapes on the wire and the records they say: the only place that knows the exchange's field names.

Shapes are those of Binance's web-socket streams for spot and futures (developers.binance.com, "Web Socket
Streams"); one class each, fields named as on the wire, unknown fields skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from consumer.decode.shapes.base import Shape
from consumer.decode.shapes.books import BookTickerShape, DepthShape, PartialDepthShape
from consumer.decode.shapes.candles import ContinuousKlineShape, KlineShape
from consumer.decode.shapes.funding import FundingRow, MarkPriceShape
from consumer.decode.shapes.liquidations import ForceOrderShape
from consumer.decode.shapes.tickers import MiniTickerShape, TickerShape
from consumer.decode.shapes.trades import AggTradeShape, TradeShape

__all__ = ["BOOK_TICKER", "BY_EVENT", "BY_STREAM", "FUNDING_ROW", "PARTIAL_DEPTH", "SHAPES", "BookTickerShape", "Shape"]


def _decoder(shape: Any) -> msgspec.json.Decoder[Shape]:
    return msgspec.json.Decoder(shape)


SHAPES: Mapping[str, type[Shape]] = {
    "trade": TradeShape,
    "aggTrade": AggTradeShape,
    "kline": KlineShape,
    "continuous_kline": ContinuousKlineShape,
    "depthUpdate": DepthShape,
    "bookTicker": BookTickerShape,
    "24hrTicker": TickerShape,
    "24hrMiniTicker": MiniTickerShape,
    "markPriceUpdate": MarkPriceShape,
    "forceOrder": ForceOrderShape,
}
"""What each event looks like."""

BY_EVENT = {event: _decoder(shape) for event, shape in SHAPES.items()}
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
