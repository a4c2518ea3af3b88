"""Executions on the tape."""

from __future__ import annotations

from storage.records import Trade
from storage.repositories.base import Repository
from storage.tables import TRADES


class TradeRepository(Repository[Trade]):
    """Trades by symbol."""

    table = TRADES
