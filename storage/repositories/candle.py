"""Intervals of the market."""

from __future__ import annotations

from storage.records import Candle
from storage.repositories.base import Repository
from storage.tables import CANDLES


class CandleRepository(Repository[Candle]):
    """Candles by symbol and timeframe; the newest version of each stays."""

    table = CANDLES
