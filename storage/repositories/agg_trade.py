"""Executions of one taker order at one price."""

from __future__ import annotations

from storage.records import AggTrade
from storage.repositories.base import Repository
from storage.tables import AGG_TRADES


class AggTradeRepository(Repository[AggTrade]):
    """Aggregate trades by symbol."""

    table = AGG_TRADES
