"""The short form of the rolling statistics."""

from __future__ import annotations

from storage.records import MiniTicker
from storage.repositories.base import Repository
from storage.tables import MINI_TICKERS


class MiniTickerRepository(Repository[MiniTicker]):
    """Mini tickers by symbol."""

    table = MINI_TICKERS
