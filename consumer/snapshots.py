"""What the service answers when it is asked over HTTP: pictures of what it knows, taken without waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from consumer.api import Check, InFlight, Lane, LineageSpool, Liveness, SourceState, Status
from consumer.service import Service
from storage.circuit_breaker import BreakerState


class ServiceSnapshots:
    """Reads one service; implements `consumer.api.Snapshots`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._started = False

    def liveness(self) -> Liveness:
        """The loop turns, and where there is work it moves."""
        watchdog, work, late = self._service.watchdog, self._service.work, self._service.heartbeat.stalled_seconds()
        verdict = watchdog.verdict(work, late)
        return Liveness(
            ok=not verdict,
            loop_lag_seconds=round(late, 3),
            seconds_since_progress=round(watchdog.look(work), 3),
            detail=verdict,
        )

    def readiness(self) -> Sequence[Check]:
        """Source connected and subscribed, store writable, migrations current."""
        service = self._service
        source, breaker = service.source_status, service.breaker.state
        return (
            _check("source", source.connected, source.problem or "not connected"),
            _check("subscription", source.subscribed, source.problem or "not subscribed"),
            _check("store", not service.write_problem, service.write_problem),
            _check("breaker", breaker is BreakerState.CLOSED, f"{breaker}: nothing is pulled until a write succeeds"),
            _check("metadata", not service.metadata.problem, service.metadata.problem),
        )

    def started(self) -> bool:
        """Whether everything was ready once."""
        self._started = self._started or all(check.ok for check in self.readiness())
        return self._started

    def status(self) -> Status:
        """All of it, for people."""
        service, budget = self._service, self._service.pipeline.budget
        return Status(
            version=version("tapestore"),
            run_id=service.run_id,
            market=service.settings.market,
            store=service.settings.store.kind,
            store_problem=service.write_problem,
            state=service.state,
            started_at=service.started_at,
            sources=[self._source()],
            lanes=self._lanes(),
            breaker=service.breaker.state,
            in_flight=InFlight(
                messages=budget.messages,
                bytes=budget.bytes,
                max_messages=budget.max_messages,
                max_bytes=budget.max_bytes,
            ),
            records=service.pipeline.tally.by_kind(),
            lineage_spool=LineageSpool(rows=service.metadata.waiting_rows, error=service.metadata.last_error),
        )

    def _source(self) -> SourceState:
        source, status = self._service.source, self._service.source_status
        return SourceState(
            name=source.name,
            destination=source.destination,
            guarantee=source.guarantee,
            connected=status.connected,
            subscribed=status.subscribed,
            lag=status.lag,
            received=self._service.pipeline.received,
            redelivered=self._service.pipeline.redelivered,
            dropped=status.dropped,
            problem=status.problem,
            details=status.details,
        )

    def _lanes(self) -> list[Lane]:
        batches, records, sizes = Counter[str](), Counter[str](), Counter[str]()
        for batch in self._service.pipeline.waiting:
            kind = batch.lane.kind
            batches[kind] += 1
            records[kind] += batch.records
            sizes[kind] += batch.bytes
        return [Lane(kind=kind, batches=batches[kind], records=records[kind], bytes=sizes[kind]) for kind in batches]


def _check(name: str, ok: bool, fault: str) -> Check:
    return Check(name=name, ok=ok, detail="" if ok else fault)
