"""Prices that margins are reckoned with."""

from __future__ import annotations

from storage.records import MarkPrice
from storage.repositories.base import Repository
from storage.tables import MARK_PRICES


class MarkPriceRepository(Repository[MarkPrice]):
    """Mark prices by symbol."""

    table = MARK_PRICES
