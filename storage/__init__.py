"""What we keep: records, the adapters that store them, and the metadata that proves it.

Whatever a user of the library needs is importable from here. Names that bring a database driver or the
settings with them are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from storage.adapters import ADAPTERS, get_adapter
from storage.adapters.base import BaseAdapter
from storage.circuit_breaker import BreakerState, CircuitBreaker, CircuitBreakerOpen
from storage.errors import (
    ConflictError,
    DatabaseError,
    IncompatibleSchema,
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

if TYPE_CHECKING:
    from storage.ingestion import IngestResult, LocalStorage, MongoDBClient, aingest_results, ingest_results
    from storage.manager import DatabaseManager
    from storage.migrations import apply_migrations, rollback_migrations
    from storage.schemas import get_schema, validate_schema

__all__ = [
    "ADAPTERS",
    "TABLES",
    "TABLE_OF",
    "AggTrade",
    "BaseAdapter",
    "BookTicker",
    "BreakerState",
    "Candle",
    "CircuitBreaker",
    "CircuitBreakerOpen",
    "Conflict",
    "ConflictError",
    "DatabaseError",
    "DatabaseManager",
    "DeadLetter",
    "Depth",
    "FundingRate",
    "IncompatibleSchema",
    "IngestResult",
    "Liquidation",
    "LocalStorage",
    "MarkPrice",
    "MiniTicker",
    "MongoDBClient",
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
    "aingest_results",
    "apply_migrations",
    "get_adapter",
    "get_schema",
    "ingest_results",
    "rollback_migrations",
    "validate_schema",
]

_LATER = {
    "DatabaseManager": "storage.manager",
    "IngestResult": "storage.ingestion",
    "LocalStorage": "storage.ingestion",
    "MongoDBClient": "storage.ingestion",
    "aingest_results": "storage.ingestion",
    "apply_migrations": "storage.migrations",
    "get_schema": "storage.schemas",
    "ingest_results": "storage.ingestion",
    "rollback_migrations": "storage.migrations",
    "validate_schema": "storage.schemas",
}


if not TYPE_CHECKING:  # or every misspelt name would pass for one that comes later

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_LATER[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
