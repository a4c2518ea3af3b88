"""The metadata database behind a circuit breaker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.circuit_breaker import CircuitBreaker
from storage.metadata.database import MetadataDatabase
from storage.observer import AdapterMetrics

VERSION = {"sqlite": "SELECT sqlite_version()"}


class GuardedMetadata(MetadataDatabase):
    """A metadata database; raises CircuitBreakerOpen where the breaker does not let it be asked.

    `ping` and `metrics` always ask: whoever watches has to know.
    """

    def __init__(self, url: str, breaker: CircuitBreaker, **options: Any) -> None:
        super().__init__(url, **options)
        self._breaker = breaker

    async def ping(self) -> None:
        """Ask for an answer, whatever the breaker says."""
        async with super().read() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def metrics(self) -> AdapterMetrics:
        """Its pool and its server's version."""
        async with super().read() as connection:
            answer = await connection.exec_driver_sql(VERSION.get(self.dialect, "SELECT version()"))
            version = str(answer.scalar_one())
        return AdapterMetrics(self.pool, None, version)

    @asynccontextmanager
    async def read(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection that reads."""
        with self._breaker.guard():
            async with super().read(seconds) as connection:
                yield connection

    @asynccontextmanager
    async def write(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back by an error."""
        with self._breaker.guard():
            async with super().write(seconds) as connection:
                yield connection
