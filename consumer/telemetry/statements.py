"""Hears what a database's driver tells of statements and connections, and makes metrics and log lines of it."""

from __future__ import annotations

from consumer.telemetry import events, metrics

_FAILURES = {
    "": "",
    "UnavailableError": "unavailable",
    "TransientError": "transient",
    "OperatorError": "operator",
    "RejectedError": "rejected",
}


class StatementTelemetry:
    """An observer of the database that one pool leads to (see `storage.observer`).

    A statement longer than `slow_seconds` is logged; `pool` is one of `names.POOLS`.
    """

    def __init__(self, slow_seconds: float, *, pool: str = "store") -> None:
        self._slow_seconds = slow_seconds
        self._pool = pool

    def operation_ended(self, system: str, operation: str, shape: str, seconds: float, error: str = "") -> None:
        """Measure a statement, and name it when it was slow."""
        metrics.STATEMENT_SECONDS.record(seconds, system, _FAILURES.get(error, "unknown"))
        if seconds >= self._slow_seconds:
            events.slow_statement(system, operation, shape, seconds)

    def connection_waited(self, system: str, seconds: float) -> None:
        """Measure a wait for a connection."""
        metrics.CONNECTION_WAIT.record(seconds, self._pool)
