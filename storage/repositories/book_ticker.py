"""Best bids and best asks."""

from __future__ import annotations

from storage.records import BookTicker
from storage.repositories.base import Repository
from storage.tables import BOOK_TICKERS


class BookTickerRepository(Repository[BookTicker]):
    """Book tickers by symbol."""

    table = BOOK_TICKERS
