"""Positions that were closed by force."""

from __future__ import annotations

from storage.records import Liquidation
from storage.repositories.base import Repository
from storage.tables import LIQUIDATIONS


class LiquidationRepository(Repository[Liquidation]):
    """Liquidations by symbol."""

    table = LIQUIDATIONS
