"""Rolling statistics of 24 hours."""

from __future__ import annotations

from storage.records import Ticker
from storage.repositories.base import Repository
from storage.tables import TICKERS


class TickerRepository(Repository[Ticker]):
    """Tickers by symbol."""

    table = TICKERS
