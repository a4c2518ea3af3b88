"""Shows the service's own numbers as metrics, read only when Prometheus asks."""

from __future__ import annotations

from consumer.service import Service
from consumer.telemetry import metrics
from storage.observer import PoolUse


def observe(service: Service) -> None:
    """Let every observed metric read this service from now on."""
    pipeline, source = service.pipeline, service.source.name
    metrics.observe_tally(lambda: _by_kind_and_fate(service))
    metrics.observe_messages(
        source,
        received=lambda: pipeline.received,
        redelivered=lambda: pipeline.redelivered,
        dropped=lambda: service.source_status.dropped,
    )
    metrics.IN_FLIGHT_MESSAGES.observe(lambda: {(): pipeline.budget.messages})
    metrics.IN_FLIGHT_BYTES.observe(lambda: {(): pipeline.budget.bytes})
    metrics.BUFFER_LIMIT.observe(lambda: {(): pipeline.budget.max_bytes})
    metrics.BUFFER_MESSAGES.observe(lambda: {(): sum(batch.records for batch in pipeline.waiting)})
    metrics.BUFFER_BYTES.observe(lambda: {(): sum(batch.bytes for batch in pipeline.waiting)})
    metrics.OLDEST_UNSETTLED.observe(lambda: {(): pipeline.oldest_seconds})
    metrics.LAG.observe(lambda: {} if service.source_status.lag is None else {(source,): service.source_status.lag})
    metrics.SPOOL_ROWS.observe(lambda: {(): service.metadata.waiting_rows})
    metrics.DATA_BYTES.observe(lambda: {} if service.upkeep.data_bytes is None else {(): service.upkeep.data_bytes})
    metrics.DATA_QUOTA.observe(lambda: {(): service.upkeep.quota} if service.upkeep.quota else {})
    metrics.CONNECTIONS.observe(lambda: _connections(_pools(service)))
    metrics.CONNECTIONS_MAX.observe(lambda: _known({name: pool.maximum for name, pool in _pools(service).items()}))
    metrics.CONNECTIONS_PENDING.observe(lambda: _known({name: pool.waiting for name, pool in _pools(service).items()}))
    metrics.breaker_is(service.breaker.state)


def _pools(service: Service) -> dict[str, PoolUse]:
    return {"store": service.upkeep.pool, "metadata": service.metadata.pool}


def _connections(pools: dict[str, PoolUse]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for name, pool in pools.items():
        if pool.size is not None and pool.in_use is not None:
            found |= {(name, "used"): pool.in_use, (name, "idle"): max(0, pool.size - pool.in_use)}
    return found


def _known(counts: dict[str, int | None]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items() if count is not None}


def _by_kind_and_fate(service: Service) -> dict[tuple[str, str], int]:
    rows = service.pipeline.tally.by_kind()
    return {(kind, fate): count for kind, row in rows.items() for fate, count in row.items()}
