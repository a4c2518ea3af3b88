"""Every metric of the service, declared once, and how they are shown to Prometheus.

Names follow OpenTelemetry (dots); in the exposition dots become underscores, the unit and `_total` are
appended. No label ever names a symbol, a collection or an error text.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider, export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from consumer.telemetry import names
from consumer.telemetry.instruments import Counter, Gauge, Histogram, Instrument, Observed, ObservedTotal
from storage import TABLES, OperatorError, Reason, RejectedError, TransientError, UnavailableError

SOURCES = ("jetstream", "nats", "kafka", "file", "memory")
SETTLEMENTS = ("ack", "nak", "term", "commit")
TRIGGERS = ("size", "bytes", "age", "drain", "pressure")
BREAKER_STATES = ("closed", "open", "half-open")
OUTCOMES = ("stored", "duplicate", "stale", "conflict", "dead_lettered", "ignored", "returned")
KINDS = (*TABLES, "undecoded")
FAILURES = ("unavailable", "transient", "operator", "rejected", "unknown")

MESSAGING_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DATABASE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
LATENCY_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
SIZES = (1, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 50_000)

_FAILURE = {names.ERROR_TYPE: ("", *FAILURES)}
_BUS = {names.MESSAGING_SYSTEM: names.BUSES}

# What arrives and what becomes of it.
MESSAGES_RECEIVED = ObservedTotal(
    "tapestore.messages.received", "{message}", "Messages taken from the bus.", {"source": SOURCES}
)
MESSAGES_REDELIVERED = ObservedTotal(
    "tapestore.messages.redelivered",
    "{message}",
    "Messages among them that the bus had delivered before.",
    {"source": SOURCES},
)
MESSAGES_DROPPED = ObservedTotal(
    "tapestore.messages.dropped",
    "{message}",
    "Messages that an at-most-once bus lost because this process could not keep up.",
    {"source": SOURCES},
)
MESSAGES_SETTLED = Counter(
    "tapestore.messages.settled",
    "{message}",
    "Messages whose fate the bus was told.",
    {"source": SOURCES, "outcome": SETTLEMENTS},
)
RECORDS_RECEIVED = ObservedTotal(
    "tapestore.records.received", "{record}", "Records received: the left side of the sum.", {"kind": KINDS}
)
RECORDS = ObservedTotal(
    "tapestore.records",
    "{record}",
    "Records whose fate is known; with those in flight they add up to the records received.",
    {"kind": KINDS, "outcome": OUTCOMES},
)
DOCUMENTS_WRITTEN = ObservedTotal(
    "tapestore.documents.written",
    "{document}",
    "Records that a store has answered for.",
    {"kind": KINDS, "result": ("inserted", "duplicate", "stale", "conflict")},
)
DEAD_LETTERS = Counter(
    "tapestore.dlq.messages",
    "{message}",
    "Messages, or elements of messages, that became dead letters.",
    {"reason": tuple(Reason)},
)
OFFSETS_LOST = Counter(
    "tapestore.offsets.lost", "{message}", "Messages that left the bus before we read them.", {"source": SOURCES}
)

# Batches.
FLUSH_SECONDS = Histogram(
    "tapestore.flush.duration",
    "s",
    "From the cut of a batch to its durable write, retries included.",
    {"trigger": TRIGGERS},
    buckets=MESSAGING_SECONDS,
)
FLUSH_MESSAGES = Histogram("tapestore.flush.messages", "{record}", "Records of a batch.", buckets=SIZES)
LATENCY = Histogram(
    "tapestore.end_to_end.latency",
    "s",
    "From the bus's time of the oldest message of a batch to its durable write.",
    buckets=LATENCY_SECONDS,
)
WRITES_RETRIED = Counter(
    "tapestore.writes.retried", "{write}", "Failed writes that are tried again.", {"failure": FAILURES}
)
OPERATOR_NEEDED = Counter("tapestore.operator.needed", "{event}", "Refusals that last until a person acts.")
UNKNOWN_ERRORS = Counter("tapestore.errors.unknown", "{event}", "Errors that nobody foresaw.")
LAST_DURABLE_WRITE = Gauge("tapestore.last_durable_write.timestamp", "s", "Unix time of the newest durable write.")

# Bounds.
IN_FLIGHT_MESSAGES = Observed("tapestore.in_flight.messages", "{message}", "Messages received and not settled.")
IN_FLIGHT_BYTES = Observed("tapestore.in_flight.bytes", "By", "Bytes of the messages received and not settled.")
BUFFER_MESSAGES = Observed("tapestore.buffer.messages", "{record}", "Records that wait for their batch to be cut.")
BUFFER_BYTES = Observed("tapestore.buffer.bytes", "By", "Bytes of the records that wait for their batch.")
BUFFER_LIMIT = Observed("tapestore.buffer.limit", "By", "Bytes in flight at which the pull stops.")
OLDEST_UNSETTLED = Observed(
    "tapestore.oldest_unsettled_message.age", "s", "Age of the oldest message received and not settled."
)
BACKPRESSURE = Counter("tapestore.backpressure", "s", "Time in which nothing was pulled, on purpose.")
LAG = Observed(
    "tapestore.consumer.lag.messages",
    "{message}",
    "Messages that wait on the bus for this consumer.",
    {"source": SOURCES},
)
BREAKER = Gauge(
    "tapestore.circuit_breaker.state",
    "",
    "1 for the state that the breaker is in.",
    {"dependency": ("store",), "state": BREAKER_STATES},
)
LOOP_LAG = Gauge("tapestore.event_loop.lag", "s", "How late the event loop woke a timer up.")
REBALANCES = Counter("tapestore.rebalances", "{rebalance}", "Times that partitions were taken away and given.")
REBALANCE_SECONDS = Histogram(
    "tapestore.rebalance.duration", "s", "From the first revoke to the assignment.", buckets=MESSAGING_SECONDS
)

# Upkeep of the store.
EXPIRED = Counter(
    "tapestore.documents.expired",
    "{document}",
    "Documents deleted because they were too old; a TTL index does so uncounted.",
    {"kind": tuple(TABLES)},
)
DATA_BYTES = Observed("tapestore.store.data", "By", "Bytes that the store holds, as it says itself.")
DATA_QUOTA = Observed("tapestore.store.quota", "By", "Bytes that the store may hold, as it was set.")

# Lineage.
LINEAGE_ROWS = Counter("tapestore.lineage.rows", "{row}", "Lineage rows written to the metadata database.")
SPOOL_ROWS = Observed("tapestore.lineage.spool.rows", "{row}", "Lineage rows that wait on disk for that database.")

# What OpenTelemetry names for everybody.
CONSUMED = ObservedTotal(names.CONSUMED_MESSAGES, "{message}", "Messages delivered to the application.", _BUS)
BUS_SECONDS = Histogram(
    names.BUS_OPERATION_DURATION,
    "s",
    "Duration of an operation on the bus.",
    {**_BUS, names.MESSAGING_OPERATION_NAME: names.BUS_OPERATIONS, **_FAILURE},
    buckets=MESSAGING_SECONDS,
)
PROCESS_SECONDS = Histogram(
    names.PROCESS_DURATION,
    "s",
    "Duration of processing one batch.",
    {**_BUS, names.MESSAGING_OPERATION_NAME: ("process",), **_FAILURE},
    buckets=MESSAGING_SECONDS,
)
DATABASE_OPERATION_SECONDS = Histogram(
    names.DATABASE_OPERATION_DURATION,
    "s",
    "Duration of one database operation.",
    {
        names.DB_SYSTEM_NAME: names.DATABASES,
        names.DB_OPERATION_NAME: names.DATABASE_OPERATIONS,
        **_FAILURE,
    },
    buckets=DATABASE_SECONDS,
)
_POOL = {names.DB_POOL_NAME: names.POOLS}
CONNECTIONS = Observed(
    names.DB_CONNECTIONS,
    "{connection}",
    "Connections of a pool; those of the store as they were at the last look.",
    {**_POOL, names.DB_CONNECTION_STATE: ("idle", "used")},
)
CONNECTIONS_MAX = Observed(names.DB_CONNECTIONS_MAX, "{connection}", "Connections that the pool may hold.", _POOL)
CONNECTIONS_PENDING = Observed(
    names.DB_CONNECTIONS_PENDING,
    "{request}",
    "Callers that wait for a connection; of the store as they were at the last look.",
    _POOL,
)
CONNECTION_WAIT = Histogram(
    names.DB_CONNECTION_WAIT, "s", "Time that a caller waited for a connection.", _POOL, buckets=DATABASE_SECONDS
)
STATEMENT_SECONDS = Histogram(
    "tapestore.store.statement.duration",
    "s",
    "Duration of one statement or command, as the driver of the store or of the metadata database saw it.",
    {names.DB_SYSTEM_NAME: names.DATABASES, **_FAILURE},
    buckets=DATABASE_SECONDS,
)
BUILD = Gauge(
    "tapestore.build.info",
    "",
    "1, with the version as a label.",
    {"version": (version("tapestore"),), "python": (platform.python_version(),)},
)

DECLARED: tuple[Instrument, ...] = tuple(value for value in vars().values() if isinstance(value, Instrument))
"""All of them, in the order of this file."""


class Reader(PrometheusMetricReader):
    """Prometheus' reader, with the histograms that keep their own buckets."""

    def _receive_metrics(
        self, metrics_data: export.MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> None:
        histograms = [each.metric() for each in DECLARED if isinstance(each, Histogram)]
        scope = export.ScopeMetrics(InstrumentationScope("tapestore"), histograms, names.SCHEMA_URL)
        ours = export.ResourceMetrics(Resource({}), [scope], names.SCHEMA_URL)
        both = export.MetricsData([*metrics_data.resource_metrics, ours])
        super()._receive_metrics(both, timeout_millis, **kwargs)


_registry = CollectorRegistry()
_provider: MeterProvider | None = None


def configure_metrics() -> CollectorRegistry:
    """Start counting, from zero; returns what Prometheus reads. Calling it again starts anew."""
    global _registry, _provider
    if _provider is not None:
        _provider.shutdown()
    _registry = CollectorRegistry()
    ProcessCollector(registry=_registry)
    PlatformCollector(registry=_registry)
    reader = Reader(registry=_registry, scope_info_enabled=False, disable_target_info=True)
    _provider = MeterProvider([reader], Resource({}), exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
    meter = _provider.get_meter("tapestore", version("tapestore"), schema_url=names.SCHEMA_URL)
    for instrument in DECLARED:
        instrument.bind(meter)
    BUILD.set(1, *(only for (only,) in BUILD.labels.values()))
    return _registry


def exposition() -> bytes:
    """All metrics in Prometheus' text format; reads the observed ones, so call it on their event loop."""
    return generate_latest(_registry)


def breaker_is(state: str) -> None:
    """Show the one state that the breaker of the store is in."""
    for each in BREAKER_STATES:
        BREAKER.set(float(each == state), "store", each)


def observe_tally(read: Callable[[], Mapping[tuple[str, str], int]]) -> None:
    """Show the totals of the pipeline's tally, keyed by kind and outcome ("received" is one of them)."""
    RECORDS_RECEIVED.observe(lambda: {(kind,): n for (kind, outcome), n in read().items() if outcome == "received"})
    RECORDS.observe(lambda: {key: n for key, n in read().items() if key[1] in OUTCOMES})
    DOCUMENTS_WRITTEN.observe(lambda: _documents(read()))


def observe_messages(
    source: str, *, received: Callable[[], int], redelivered: Callable[[], int], dropped: Callable[[], int]
) -> None:
    """Show how many messages came from this source, how many of them again, and how many it lost."""
    MESSAGES_RECEIVED.observe(lambda: {(source,): received()})
    MESSAGES_REDELIVERED.observe(lambda: {(source,): redelivered()})
    MESSAGES_DROPPED.observe(lambda: {(source,): dropped()})
    CONSUMED.observe(lambda: {(names.bus_of(source),): received()})


def _documents(tally: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, ...], float]:
    results = {"stored": "inserted", "duplicate": "duplicate", "stale": "stale", "conflict": "conflict"}
    return {(kind, results[outcome]): n for (kind, outcome), n in tally.items() if outcome in results}


def failure_of(error: BaseException) -> str:
    """The class of a failure as metrics name it."""
    match error:
        case UnavailableError():
            return "unavailable"
        case TransientError():
            return "transient"
        case OperatorError():
            return "operator"
        case RejectedError():
            return "rejected"
        case _:
            return "unknown"
