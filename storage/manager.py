"""Both databases of one market under one roof: documents in MongoDB, metadata in SQL, and how they are."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from config import Settings, load
from storage.circuit_breaker import CircuitBreaker
from storage.connections import mongodb_of
from storage.errors import DatabaseError
from storage.guarded import GuardedAdapter
from storage.metadata.guarded import GuardedMetadata
from storage.migrations import upgrade, upgrade_collections
from storage.observer import SILENT, Observer
from storage.registration import Registration
from storage.repositories.agg_trade import AggTradeRepository
from storage.repositories.audit import AuditRepository
from storage.repositories.backfill import BackfillRepository
from storage.repositories.book_ticker import BookTickerRepository
from storage.repositories.candle import CandleRepository
from storage.repositories.catalog import CatalogRepository
from storage.repositories.dead_letter import DeadLetterRepository
from storage.repositories.depth import DepthRepository
from storage.repositories.funding import FundingRepository
from storage.repositories.health import HealthRepository
from storage.repositories.lineage import LineageRepository
from storage.repositories.liquidation import LiquidationRepository
from storage.repositories.mark_price import MarkPriceRepository
from storage.repositories.mini_ticker import MiniTickerRepository
from storage.repositories.ticker import TickerRepository
from storage.repositories.trade import TradeRepository
from storage.watch import INTERVAL_SECONDS, Watch

START_SECONDS = 10.0
"""How long `initialize` waits for the first answers; what takes longer goes on behind it."""


class DatabaseManager:
    """MongoDB and the SQL database of the settings, each behind a circuit breaker, and their repositories.

    A repository is an attribute with the name of its table. It starts with what is there and heals alone:
    a call to a side that is down raises UnavailableError, at once while its breaker is open. The SQL side
    is called `mysql` also where it is PostgreSQL or SQLite, as METADATA_URL and MYSQL_* say; MongoDB is
    that of MONGODB_*, whatever STORE says. Without `settings` they are read from the environment, which
    may raise ConfigError. `observer` hears of the statements and the waits of both sides.
    """

    def __init__(self, settings: Settings | None = None, *, observer: Observer = SILENT) -> None:
        self._settings = settings = settings or load()
        breakers = [CircuitBreaker(settings.retry.failure_threshold, settings.retry.recovery_seconds) for _ in range(2)]
        self.mysql = GuardedMetadata(settings.metadata_url.get_secret_value(), breakers[0], observer=lambda: observer)
        self._documents = mongodb_of(settings)
        self._documents.observer = observer
        self.mongodb = GuardedAdapter(self._documents, breakers[1])
        self._watches = {
            "mysql": Watch(
                "mysql",
                connect=self._connect_mysql,
                ping=self.mysql.ping,
                metrics=self.mysql.metrics,
                on_return=breakers[0].reset,
            ),
            "mongodb": Watch(
                "mongodb",
                connect=self._connect_mongodb,
                ping=self.mongodb.ping,
                metrics=self.mongodb.metrics,
                on_return=breakers[1].reset,
            ),
        }
        self._stopping = asyncio.Event()
        self._repairing: asyncio.Task[None] | None = None
        self._add_repositories()

    def _add_repositories(self) -> None:
        self.trades = TradeRepository(self.mongodb)
        self.agg_trades = AggTradeRepository(self.mongodb)
        self.candles = CandleRepository(self.mongodb)
        self.depth = DepthRepository(self.mongodb)
        self.funding_rates = FundingRepository(self.mongodb)
        self.mark_prices = MarkPriceRepository(self.mongodb)
        self.tickers = TickerRepository(self.mongodb)
        self.mini_tickers = MiniTickerRepository(self.mongodb)
        self.book_tickers = BookTickerRepository(self.mongodb)
        self.liquidations = LiquidationRepository(self.mongodb)
        self.dead_letters = DeadLetterRepository(self.mongodb)
        self.datasets = CatalogRepository(self.mysql, compatibility=self._settings.metadata.schema_compatibility)
        self.audit_logs = AuditRepository(self.mysql)
        self.health_metrics = HealthRepository(self.mysql)
        self.backfill_jobs = BackfillRepository(self.mysql)
        self.lineage_records = LineageRepository(self.mysql)
        self.registration = Registration(
            self.mongodb, self.datasets, market=self._settings.market, storage_type="mongodb"
        )

    async def initialize(self) -> None:
        """Connect both sides, as far as they are there; a side that is down is tried again until it is not.

        Tables and collections are brought up to date where MIGRATE_ON_START says so, and collections without a
        dataset are registered. Doing it twice is harmless.
        """
        if self._repairing is not None:
            return
        self._stopping.clear()
        for watch in self._watches.values():
            watch.start()
        self._repairing = asyncio.create_task(self._repair(), name="registration")
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                for watch in self._watches.values():
                    await watch.looked.wait()

    async def shutdown(self) -> None:
        """Let go of both sides; safe to call twice."""
        self._stopping.set()
        if self._repairing is not None:
            await self._repairing
        self._repairing = None
        await asyncio.gather(*(watch.stop() for watch in self._watches.values()))
        await self.mysql.disconnect()
        await self.mongodb.disconnect()

    def health_check(self) -> dict[str, dict[str, Any]]:
        """How both sides were about a second ago, without asking them: see `storage.watch.Health` for the keys."""
        return {name: watch.health.as_dict() for name, watch in self._watches.items()}

    async def health(self) -> dict[str, dict[str, Any]]:
        """How both sides are now; asks them, which takes some seconds where one is down."""
        found = await asyncio.gather(*(watch.look(closely=True) for watch in self._watches.values()))
        return {name: health.as_dict() for name, health in zip(self._watches, found, strict=True)}

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()

    async def _connect_mysql(self) -> None:
        await self.mysql.connect()
        if self._settings.metadata.migrate_on_start:
            await upgrade(self._settings.metadata_url.get_secret_value())

    async def _connect_mongodb(self) -> None:
        await self.mongodb.connect()
        if self._settings.metadata.migrate_on_start:
            await upgrade_collections(self._documents)

    async def _repair(self) -> None:
        """Register what an earlier process left unregistered, once both sides are there."""
        while not self._stopping.is_set() and not await self._is_repaired():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), INTERVAL_SECONDS)

    async def _is_repaired(self) -> bool:
        if not all(watch.health.connected for watch in self._watches.values()):
            return False
        try:
            await self.registration.reconcile()
        except DatabaseError:
            return False
        return True
