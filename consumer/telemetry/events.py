"""Everything that happens to the service: one function each, which counts it and logs it.

The name of the function is the name of the log line and its arguments are the fields. INFO is for start,
stop and decisions, WARNING for a surprise that loses nothing, ERROR for lost data or when a person is
needed; what happens with every batch is DEBUG. An event that can come in floods is told at once the first
time and then summed up: `occurrences` says how many events a line stands for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Protocol

from opentelemetry import trace

from consumer.telemetry import metrics, names
from consumer.telemetry.declare import catch_up, event
from storage import Reason


class NeedsOperator(Protocol):
    """An error that lasts until a person acts: OperatorError, SourceRefused. `fix` says what to do."""

    fix: str


# The service.


@event(INFO)
def service_started(source: str, store: str, guarantee: str) -> None:
    """The service runs; `guarantee` is what its source promises."""
    metrics.breaker_is("closed")


@event(WARNING)
def at_most_once(source: str) -> None:
    """This source cannot deliver again: what does not fit into memory is lost, counted as dropped."""


@event(WARNING)
def at_risk(risk: str) -> None:
    """Something outside of us may lose what it has acknowledged; `run --strict` refuses to start then."""


@event(INFO)
def service_stopped(left: int) -> None:
    """The service ended; `left` messages go back to the bus."""
    catch_up(at_the_end=True)


@event(INFO)
def http_listening(host: str, port: int) -> None:
    """Probes, metrics and status are served here."""


@event(INFO)
def drain_started(seconds: float) -> None:
    """The service stops: it has so many seconds to write and settle the rest."""


@event(INFO)
def drain_finished(left: int, seconds: float) -> None:
    """Nothing is on its way any more, except `left` messages that were given back."""


@event(WARNING, every=10)
def slow_loop(seconds: float) -> None:
    """The event loop woke a timer up so much too late: something blocks it."""


# The source.


@event(INFO)
def source_connected(source: str, destination: str) -> None:
    """The bus answers and we are subscribed."""


@event(WARNING, every=10, by=("source",))
def source_lost(source: str, reason: str) -> None:
    """The bus does not answer; the source goes on trying."""


@event(ERROR, every=30, by=("stream", "sequence"))
def message_stranded(stream: str, sequence: int, error: str) -> None:
    """The server gave a message up and we cannot fetch it; unless the stream has lost it we go on trying."""


@event(ERROR, every=30, by=("source",))
def source_refused(source: str, reason: str, fix: str) -> None:
    """The bus refuses what we ask until a person acts."""
    metrics.OPERATOR_NEEDED.add(1)


@event(DEBUG)
def settled(source: str, outcome: str, count: int) -> None:
    """The bus was told the fate of messages: ack, nak, term or commit."""
    metrics.MESSAGES_SETTLED.add(count, source, outcome)


@event(ERROR, every=10, by=("source",), total=("count",))
def records_dropped(source: str, count: int) -> None:
    """An at-most-once bus lost messages because we could not keep up; nobody can bring them back."""


@event(ERROR)
def offsets_lost(source: str, partition: str, wanted: int, earliest: int) -> None:
    """The bus no longer holds what we wanted to read next; we go on with the earliest it has."""
    metrics.OFFSETS_LOST.add(max(0, earliest - wanted), source)


@event(INFO)
def rebalanced(source: str, partitions: int, seconds: float) -> None:
    """The bus gave us another set of partitions."""
    metrics.REBALANCES.add(1)
    metrics.REBALANCE_SECONDS.record(seconds)


@event(INFO, every=10, by=("reason",))
def pull_paused(reason: str) -> None:
    """Nothing more is pulled: a bound is reached, or the store does not take it."""


@event(INFO, every=10, total=("seconds",))
def pull_resumed(seconds: float) -> None:
    """Messages are pulled again, after so many seconds."""
    metrics.BACKPRESSURE.add(seconds)


# Batches.


@event(DEBUG)
def batch_flushed(kind: str, trigger: str, records: int, seconds: float, latency: float | None = None) -> None:
    """A batch is durable; `latency` counts from the bus's time of its oldest message."""
    metrics.FLUSH_SECONDS.record(seconds, trigger)
    metrics.FLUSH_MESSAGES.record(records)
    metrics.LAST_DURABLE_WRITE.set(time.time())
    if latency is not None:
        metrics.LATENCY.record(latency)
    trace.get_current_span().set_attributes({names.RECORD_KIND: kind, names.FLUSH_TRIGGER: trigger})


@event(WARNING, every=10, by=("kind", "error"))
def write_retried(kind: str, error: BaseException, delay: float) -> None:
    """A write failed and is tried again after `delay` seconds."""
    metrics.WRITES_RETRIED.add(1, metrics.failure_of(error))


@event(WARNING)
def breaker_changed(state: str) -> None:
    """The circuit breaker in front of the store is now closed, open or half-open."""
    metrics.breaker_is(state)


@event(ERROR, every=30, by=("error",))
def operator_needed(error: NeedsOperator) -> Mapping[str, object]:
    """A server refuses until a person acts: `fix` says what to do. Nothing is lost meanwhile."""
    metrics.OPERATOR_NEEDED.add(1)
    return {"fix": error.fix}


@event(ERROR, every=10, by=("where", "error"))
def unknown_error(where: str, error: BaseException) -> Mapping[str, object]:
    """An error that nobody foresaw; it is treated as one that may pass."""
    metrics.UNKNOWN_ERRORS.add(1)
    return {"exc_info": error}


@event(WARNING, every=10, by=("reason",), total=("count",))
def dead_lettered(reason: Reason, count: int) -> None:
    """Messages, or elements of messages, became durable dead letters."""
    metrics.DEAD_LETTERS.add(count, reason)


@event(WARNING, every=10, by=("kind",), total=("count",))
def conflicts_recorded(kind: str, count: int) -> None:
    """Keys came with other content than is stored; both contents are kept."""


@event(WARNING, every=60, by=("limit",))
def collection_limit_reached(limit: int) -> None:
    """New symbols become dead letters; raise MAX_COLLECTIONS to take them."""


# Upkeep of the store.


@event(INFO)
def documents_expired(kind: str, count: int) -> None:
    """Documents were older than RETENTION_… keeps them and were deleted."""
    metrics.EXPIRED.add(count, kind)


@event(WARNING)
def quota_near(used: int, quota: int) -> None:
    """The store holds more bytes than DATA_QUOTA_WARN_SHARE of DATA_QUOTA_BYTES."""


@event(WARNING)
def index_changed(collection: str, index: str, was: str, now: str) -> None:
    """An index had other options than it should have, and was changed or made again."""


# Metadata.


@event(WARNING, every=30)
def metadata_not_ready(reason: str) -> None:
    """The metadata database is not there, or its tables are not up to date; ingestion goes on without it."""


@event(DEBUG)
def lineage_written(rows: int) -> None:
    """Lineage rows are in the metadata database."""
    metrics.LINEAGE_ROWS.add(rows)


@event(WARNING, every=30)
def lineage_spooled(rows: int, error: str) -> None:
    """The metadata database does not take lineage rows: so many wait on disk and follow later."""


@event(WARNING, every=10, by=("system", "operation"))
def slow_statement(system: str, operation: str, shape: str, seconds: float) -> None:
    """A statement took longer than SLOW_QUERY_SECONDS; `shape` is the statement without its values."""
