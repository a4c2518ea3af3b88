"""Spans of batches: receive, process, flush, settle; never one for each message.

A batch is linked to the traces of its messages: a publisher may mark its messages, but it decides nothing
about our sampling. Without an endpoint every span is a no-op; durations are measured either way, because
metrics want them too. A traceparent that is malformed is ignored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from config.service import TelemetrySettings
from consumer.telemetry import metrics, names
from consumer.telemetry.identity import Bus, Database
from consumer.telemetry.instruments import Histogram
from consumer.telemetry.logs import describe
from storage import TABLES

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

MAX_LINKS = 128
"""Links of one span at most: as many as the specification's default keeps."""

MAX_TRACEPARENT = 256
"""A longer header is nobody's trace context."""

Traceparents = Iterable[str | None]
"""The W3C trace contexts of messages; None for a message without one."""

_propagator = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: Tracer | None = None
_NO_BUS = _bus = Bus("memory")
_NO_DATABASE = _database = Database("memory")


def configure_traces(settings: TelemetrySettings, bus: Bus = _NO_BUS, database: Database = _NO_DATABASE) -> bool:
    """Say between whom batches move, and export spans when an endpoint is set; returns whether they are."""
    global _bus, _database
    _bus, _database = bus, database
    if settings.otlp_endpoint is None or settings.sdk_disabled:
        use(None)
        return False
    from consumer.telemetry import otlp  # imports that most runs do not need

    use(otlp.exporting(settings, settings.otlp_endpoint, MAX_LINKS))
    return True


def use(provider: TracerProvider | None) -> None:
    """Make spans by this provider from now on; none at all without one."""
    global _provider, _tracer
    _provider, _tracer = provider, None
    if provider is not None:
        _tracer = provider.get_tracer("tapestore", version("tapestore"), schema_url=names.SCHEMA_URL)


def shutdown_traces(seconds: float = 3.0) -> bool:
    """Export what is left, for so many seconds at most, and make no more; returns whether all left in time."""
    provider = _provider
    use(None)
    if provider is None:
        return True
    # The SDK waits up to 30 s for a collector that is down. Its thread may go on, the process does not wait for it.
    last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
    last.start()
    last.join(seconds)
    return not last.is_alive()


@dataclass(slots=True)
class Receiving:
    """A receive that may bring nothing; then it leaves no span."""

    count: int = 0
    traceparents: Traceparents = ()

    def got(self, count: int, traceparents: Traceparents = ()) -> None:
        """So many messages came, with these trace contexts."""
        self.count = count
        self.traceparents = traceparents


@contextmanager
def receive(destination: str) -> Iterator[Receiving]:
    """CLIENT span `fetch {destination}`, or poll or receive: one receive that brought something (`got`)."""
    receiving, began, started = Receiving(), time.time_ns(), time.perf_counter()
    yield receiving
    if not receiving.count:
        return
    name = _bus.receiving
    metrics.BUS_SECONDS.record(time.perf_counter() - started, _bus.system, name, "")
    if _tracer is not None:
        attributes = _bus.operation("receive", name, destination, receiving.count)
        span = _tracer.start_span(f"{name} {destination}", None, SpanKind.CLIENT, attributes, start_time=began)
        _link(span, receiving.traceparents)
        span.end()


def process(destination: str, count: int, traceparents: Traceparents = ()) -> AbstractContextManager[Span]:
    """CONSUMER span `process {destination}`: the work on a batch of `count` messages."""
    timed = Timed(metrics.PROCESS_SECONDS, _bus.system, "process")
    if _tracer is None:
        return timed
    attributes = _bus.operation("process", "process", destination, count)
    return _span(_tracer, timed, f"process {destination}", SpanKind.CONSUMER, attributes, traceparents)


def flush(kind: str, collection: str, count: int, traceparents: Traceparents = ()) -> AbstractContextManager[Span]:
    """CLIENT span `insert {collection}`, or update where versions win: one write of `count` records."""
    table = TABLES.get(kind)
    name = "update" if table is not None and table.version else "insert"
    timed = Timed(metrics.DATABASE_OPERATION_SECONDS, _database.system, name)
    if _tracer is None:
        return timed
    attributes = _database.operation(name, collection, count)
    return _span(_tracer, timed, f"{name} {collection}", SpanKind.CLIENT, attributes, traceparents)


def settle(destination: str, count: int) -> AbstractContextManager[Span]:
    """CLIENT span `ack {destination}`, or commit: the bus is told the fate of `count` messages."""
    timed = Timed(metrics.BUS_SECONDS, _bus.system, _bus.settling)
    if _tracer is None:
        return timed
    attributes = _bus.operation("settle", _bus.settling, destination, count)
    return _span(_tracer, timed, f"{_bus.settling} {destination}", SpanKind.CLIENT, attributes)


class Timed:
    """The duration of an operation, in its histogram; a span that is none, while there is no tracing."""

    __slots__ = ("_histogram", "_operation", "_started", "_system")

    def __init__(self, histogram: Histogram, system: str, operation: str) -> None:
        self._histogram = histogram
        self._system = system
        self._operation = operation

    def __enter__(self) -> Span:
        self._started = time.perf_counter()
        return INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = metrics.failure_of(error) if isinstance(error, Exception) else ""
        self._histogram.record(time.perf_counter() - self._started, self._system, self._operation, failure)


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id in a W3C traceparent, as 32 hex digits; None when there is none or it is malformed."""
    context = context_of(traceparent) if traceparent else None
    return trace.format_trace_id(context.trace_id) if context else None


def current_trace_id() -> str | None:
    """The id of the trace that we are in, None outside of any."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def context_of(traceparent: str) -> SpanContext | None:
    """The trace context of a W3C traceparent; None when it is malformed, however it is."""
    return _parse(traceparent) if len(traceparent) <= MAX_TRACEPARENT else None


@lru_cache(maxsize=1024)  # receive, process and flush ask for the same ones
def _parse(traceparent: str) -> SpanContext | None:
    extracted = _propagator.extract({"traceparent": traceparent})
    context = trace.get_current_span(extracted).get_span_context()
    return context if context.is_valid else None


@contextmanager
def _span(
    tracer: Tracer,
    timed: Timed,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int],
    traceparents: Traceparents = (),
) -> Iterator[Span]:
    # Neither the exception event nor the default status: both carry its text as it is, credentials included.
    current = tracer.start_as_current_span(
        name, None, kind, attributes, record_exception=False, set_status_on_exception=False
    )
    with timed, current as span:
        _link(span, traceparents)
        try:
            yield span
        except Exception as error:
            span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR, describe(error)))
            raise


def _link(span: Span, traceparents: Traceparents) -> None:
    if span.is_recording():
        contexts = (context_of(each) for each in dict.fromkeys(traceparents) if each)
        for context in islice(filter(None, contexts), MAX_LINKS):
            span.add_link(context)
