"""What a store's driver tells becomes metrics, and a slow statement a log line without values."""

import pytest

from consumer.telemetry import events, metrics
from consumer.telemetry.statements import StatementTelemetry


def exposed(name: str) -> list[str]:
    return [line for line in metrics.exposition().decode().splitlines() if line.startswith(name)]


def test_each_statement_is_measured_by_system_and_failure() -> None:
    metrics.configure_metrics()
    told = StatementTelemetry(1.0)
    told.operation_ended("mongodb", "insert", "insert {documents}", 0.02)
    told.operation_ended("postgresql", "select", "SELECT 1", 0.02, "UnavailableError")
    told.operation_ended("postgresql", "select", "SELECT 1", 0.02, "SomethingNew")
    counts = exposed("tapestore_store_statement_duration_seconds_count")
    assert sorted(line.split("{")[1].split("}")[0] for line in counts) == [
        'db_system_name="mongodb",error_type=""',
        'db_system_name="postgresql",error_type="unavailable"',
        'db_system_name="postgresql",error_type="unknown"',
    ]


def test_a_wait_for_a_connection_is_measured() -> None:
    metrics.configure_metrics()
    StatementTelemetry(1.0).connection_waited("mongodb", 0.3)
    StatementTelemetry(1.0, pool="metadata").connection_waited("mariadb", 0.3)
    counts = exposed("db_client_connection_wait_time_seconds_count")
    assert sorted(counts) == [
        f'db_client_connection_wait_time_seconds_count{{db_client_connection_pool_name="{pool}"}} 1.0'
        for pool in ("metadata", "store")
    ]


def test_only_a_slow_statement_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[tuple[object, ...]] = []
    monkeypatch.setattr(events, "slow_statement", lambda *told: named.append(told))
    told = StatementTelemetry(1.0)
    told.operation_ended("mariadb", "select", "SELECT * FROM trades WHERE _id = %s", 0.99)
    told.operation_ended("mariadb", "select", "SELECT * FROM trades WHERE _id = %s", 1.0)
    assert named == [("mariadb", "select", "SELECT * FROM trades WHERE _id = %s", 1.0)]
