"""The repositories of all kinds over one adapter."""

from __future__ import annotations

from typing import Any

from storage.adapters.base import BaseAdapter
from storage.repositories.agg_trade import AggTradeRepository
from storage.repositories.base import Repository
from storage.repositories.book_ticker import BookTickerRepository
from storage.repositories.candle import CandleRepository
from storage.repositories.depth import DepthRepository
from storage.repositories.funding import FundingRepository
from storage.repositories.liquidation import LiquidationRepository
from storage.repositories.mark_price import MarkPriceRepository
from storage.repositories.mini_ticker import MiniTickerRepository
from storage.repositories.ticker import TickerRepository
from storage.repositories.trade import TradeRepository

REPOSITORIES: tuple[type[Repository[Any]], ...] = (
    TradeRepository,
    AggTradeRepository,
    CandleRepository,
    DepthRepository,
    FundingRepository,
    MarkPriceRepository,
    TickerRepository,
    MiniTickerRepository,
    BookTickerRepository,
    LiquidationRepository,
)


def repositories_of(adapter: BaseAdapter) -> dict[str, Repository[Any]]:
    """A repository for each table, by the table's name."""
    return {repository.table.name: repository(adapter) for repository in REPOSITORIES}
