"""What we keep: records, the adapters that store them, and the metadata that proves it."""

from storage.errors import (
    ConflictError,
    DatabaseError,
    OperatorError,
    RejectedError,
    TransientError,
    UnavailableError,
    UnsupportedQuery,
)
from storage.letters import Conflict, DeadLetter
from storage.outcomes import Outcome, Reason, Result
from storage.records import (
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
from storage.tables import TABLE_OF, TABLES, Table

__all__ = [
    "TABLES",
    "TABLE_OF",
    "AggTrade",
    "BookTicker",
    "Candle",
    "Conflict",
    "ConflictError",
    "DatabaseError",
    "DeadLetter",
    "Depth",
    "FundingRate",
    "Liquidation",
    "MarkPrice",
    "MiniTicker",
    "OperatorError",
    "Outcome",
    "Reason",
    "Record",
    "RejectedError",
    "Result",
    "Table",
    "Ticker",
    "Trade",
    "TransientError",
    "UnavailableError",
    "UnsupportedQuery",
]
