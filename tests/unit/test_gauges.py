"""The service's own numbers are there when Prometheus asks."""

from __future__ import annotations

from pathlib import Path

from config import load
from consumer.gauges import observe
from consumer.service import Service
from consumer.sources.memory import MemoryBus, MemorySource
from consumer.telemetry import metrics


async def test_the_pools_of_the_store_and_of_the_metadata_are_told_apart(tmp_path: Path) -> None:
    metrics.configure_metrics()
    service = Service(load({"LOCAL_PATH": str(tmp_path)}), MemorySource(MemoryBus()))
    observe(service)

    exposed = metrics.exposition().decode()

    pool = 'db_client_connection_pool_name="metadata"'
    assert f"db_client_connection_max{{{pool}}} 15.0" in exposed
    assert f"db_client_connection_pending_requests{{{pool}}} 0.0" in exposed
    assert f'db_client_connection_count{{{pool},db_client_connection_state="used"}} 0.0' in exposed
    assert 'pool_name="store"' not in exposed  # a folder has none
