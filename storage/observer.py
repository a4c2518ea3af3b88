"""Whom a store tells how long things took; it knows no telemetry itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The connections of a store at one moment; `waiting` callers have none yet. None where it is not known."""

    size: int | None = None
    in_use: int | None = None
    waiting: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class AdapterMetrics:
    """What a store says of itself: its pool, the bytes it holds, the server's version."""

    pool: PoolUse = PoolUse()
    data_bytes: int | None = None
    server_version: str = ""


class Observer(Protocol):
    """Hears of every operation, on the event loop; must neither wait nor raise."""

    def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
        """An operation took so long. `shape` is the statement without its values, `error` the class of a failure."""
        ...

    def connection_waited(self, system: str, seconds: float) -> None:
        """A caller waited so long for a connection of the pool."""
        ...


class Silent:
    """Nobody listens."""

    def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
        """Nothing."""

    def connection_waited(self, system: str, seconds: float) -> None:
        """Nothing."""


SILENT = Silent()
