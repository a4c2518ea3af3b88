"""Records to test with: of each kind one with every field, and one with only those it must have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

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

T0 = datetime(2024, 5, 17, 12, 0, 0, 1_000, tzinfo=UTC)
MS = timedelta(milliseconds=1)
LARGEST = Decimal("99999999999999999999.99999999999999")  # 20 digits before the point, 34 in all
FINEST = Decimal("9999999999999999.999999999999999999")  # 18 digits after the point, 34 in all
SMALLEST = Decimal("0.000000000000000001")
MAX_INT = 2**63 - 1

FULL: Mapping[str, Record] = {
    "trades": Trade(
        symbol="BTCUSDT",
        timestamp=T0,
        trade_id=MAX_INT,
        price=LARGEST,
        quantity=SMALLEST,
        is_buyer_maker=True,
        event_time=T0 + MS,
    ),
    "agg_trades": AggTrade(
        symbol="BTCUSDT",
        timestamp=T0,
        agg_trade_id=MAX_INT,
        first_trade_id=0,
        last_trade_id=2**53 + 1,
        price=FINEST,
        quantity=Decimal("0E-8"),
        is_buyer_maker=False,
        event_time=T0 + MS,
    ),
    "candles": Candle(
        symbol="BTCUSDT",
        timestamp=T0,
        timeframe="1m",
        open=Decimal("49000.10"),
        high=LARGEST,
        low=SMALLEST,
        close=Decimal("49010.00"),
        volume=FINEST,
        quote_volume=Decimal("4906123.12"),
        trades_count=100,
        taker_buy_volume=Decimal("50.100"),
        taker_buy_quote_volume=Decimal("2455011.10"),
        close_time=T0 + timedelta(minutes=1) - MS,
        is_closed=True,
        event_time=T0 + timedelta(minutes=1),
    ),
    "depth": Depth(
        symbol="BTCUSDT",
        timestamp=T0,
        kind="diff",
        first_update_id=390497796,
        last_update_id=MAX_INT,
        previous_update_id=390497794,
        bids=((LARGEST, SMALLEST), (Decimal("7403.90"), Decimal("0"))),
        asks=((Decimal("7405.96"), Decimal("3.340")),),
    ),
    "funding_rates": FundingRate(
        symbol="BTCUSDT",
        timestamp=T0,
        funding_rate=Decimal("-0.00038167"),
        mark_price=Decimal("11794.15000000"),
        is_settled=False,
        event_time=T0 - timedelta(hours=1),
    ),
    "mark_prices": MarkPrice(
        symbol="BTCUSDT",
        timestamp=T0,
        mark_price=Decimal("11794.15000000"),
        index_price=Decimal("11784.62659091"),
        estimated_settle_price=Decimal("11784.25641265"),
        last_funding_rate=-SMALLEST,
        next_funding_time=datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ),
    "tickers": Ticker(
        symbol="BTCUSDT",
        timestamp=T0,
        open=Decimal("16448.91"),
        high=Decimal("16620.00"),
        low=Decimal("16400.00"),
        close=Decimal("16569.01"),
        volume=Decimal("182345.1"),
        quote_volume=Decimal("3010000000.12"),
        price_change=Decimal("-120.10"),
        price_change_percent=Decimal("-0.730"),
        weighted_average_price=Decimal("16512.33"),
        trades_count=1_000_001,
    ),
    "mini_tickers": MiniTicker(
        symbol="BTCUSDT",
        timestamp=T0,
        open=Decimal("16448.91"),
        high=Decimal("16620.00"),
        low=Decimal("16400.00"),
        close=Decimal("16569.01"),
        volume=Decimal("182345.1"),
        quote_volume=Decimal("3010000000.12"),
    ),
    "book_tickers": BookTicker(
        symbol="BTCUSDT",
        timestamp=T0,
        update_id=400900217,
        bid_price=Decimal("25.35190000"),
        bid_quantity=Decimal("31.21000000"),
        ask_price=Decimal("25.36520000"),
        ask_quantity=Decimal("40.66000000"),
    ),
    "liquidations": Liquidation(
        symbol="BTCUSDT",
        timestamp=T0,
        side="SELL",
        price=Decimal("9910"),
        average_price=Decimal("9910.5"),
        quantity=Decimal("0.014"),
        filled_quantity=Decimal("0.014"),
        status="FILLED",
        digest="0123456789abcdef",
    ),
}


def _without_optional_fields(record: Record) -> Record:
    optional = {field.name: None for field in msgspec.structs.fields(record) if field.default is None}
    return msgspec.structs.replace(record, **optional)


SNAPSHOT = Depth(
    symbol="BTCUSDT",
    timestamp=T0,
    kind="snapshot",
    last_update_id=160,
    bids=((Decimal("16569.00"), Decimal("10")),),
    asks=(),
    levels=20,
)
BARE: Mapping[str, Record] = {name: _without_optional_fields(record) for name, record in FULL.items()} | {
    "depth": SNAPSHOT
}


def trade(trade_id: int = 1, **changes: Any) -> Trade:
    """A trade; whatever is not named is the same for all."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timestamp": T0,
        "price": Decimal("67123.45"),
        "quantity": Decimal("0.00510"),
        "is_buyer_maker": False,
        "event_time": T0 + 2 * MS,
    }
    return Trade(trade_id=trade_id, **(values | changes))


def trades(count: int, **changes: Any) -> list[Trade]:
    """Trades of consecutive milliseconds from `T0`."""
    return [trade(number, timestamp=T0 + number * MS, **changes) for number in range(count)]


def candle(**changes: Any) -> Candle:
    """An open candle of one minute."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timestamp": T0,
        "timeframe": "1m",
        "open": Decimal("10"),
        "high": Decimal("12"),
        "low": Decimal("9"),
        "close": Decimal("11"),
        "volume": Decimal("100"),
        "is_closed": False,
        "event_time": T0 + 1000 * MS,
    }
    return Candle(**(values | changes))


def funding(**changes: Any) -> FundingRate:
    """A running funding rate."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timestamp": T0,
        "funding_rate": Decimal("0.0001"),
        "is_settled": False,
        "event_time": T0 - 1000 * MS,
    }
    return FundingRate(**(values | changes))
