"""Spans of batches: receive, process, flush, settle; never one for each message.

A batch is linked to the traces of its messages: a publisher may mark its messages, but it decides nothing
about our sampling. Without an endpoint every span is a no-op; durations are measured either way, because
metrics want them too. A traceparent that is malformed is ignored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
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
_tracer: Tracer = NoOpTracer()
_NO_BUS = _bus = Bus("memory")
_NO_DATABASE = _database = Database("memory")


def configure_traces(settings: TelemetrySettings, bus: Bus = _NO_BUS, database: Database = _NO_DATABASE) -> bool:
    """Say between whom batches move, and export spans when an endpoint is set; returns whether they are."""
    global _provider, _tracer, _bus, _database
    _bus, _database = bus, database
    if settings.otlp_endpoint is None or settings.sdk_disabled:
        _provider, _tracer = None, NoOpTracer()
        return False
    from consumer.telemetry import otlp  # imports that most runs do not need

    _provider = otlp.exporting(settings, settings.otlp_endpoint, MAX_LINKS)
    _tracer = _provider.get_tracer("tapestore", version("tapestore"), schema_url=names.SCHEMA_URL)
    return True


def shutdown_traces(seconds: float = 3.0) -> bool:
    """Export what is left, for so many seconds at most, and go back to no-ops; returns whether all left in time."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, NoOpTracer()
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
    """`fetch {destination}` around one receive; say what came by `got`, or there is no span."""
    receiving, began, started = Receiving(), time.time_ns(), time.perf_counter()
    yield receiving
    if not receiving.count:
        return
    name = _bus.receiving
    metrics.BUS_SECONDS.record(time.perf_counter() - started, _bus.system, name, "")
    attributes = _bus.operation("receive", name, destination, receiving.count)
    span = _tracer.start_span(f"{name} {destination}", None, SpanKind.CLIENT, attributes, start_time=began)
    _link(span, receiving.traceparents)
    span.end()


@contextmanager
def process(destination: str, count: int, traceparents: Traceparents = ()) -> Iterator[Span]:
    """`process {destination}` around the work on a batch of `count` messages."""
    attributes = _bus.operation("process", "process", destination, count)
    measured = _measured(metrics.PROCESS_SECONDS, _bus.system, "process")
    with measured, _span(f"process {destination}", SpanKind.CONSUMER, attributes, traceparents) as span:
        yield span


@contextmanager
def flush(kind: str, collection: str, traceparents: Sequence[str | None]) -> Iterator[Span]:
    """`insert {collection}`, or update where versions win, around one write; a traceparent for each record."""
    table = TABLES.get(kind)
    name = "update" if table is not None and table.version else "insert"
    attributes = _database.operation(name, collection, len(traceparents))
    measured = _measured(metrics.DATABASE_OPERATION_SECONDS, _database.system, name)
    with measured, _span(f"{name} {collection}", SpanKind.CLIENT, attributes, traceparents) as span:
        yield span


@contextmanager
def settle(destination: str, count: int) -> Iterator[Span]:
    """`ack {destination}` around telling the bus the fate of `count` messages."""
    name = _bus.settling
    attributes = _bus.operation("settle", name, destination, count)
    measured = _measured(metrics.BUS_SECONDS, _bus.system, name)
    with measured, _span(f"{name} {destination}", SpanKind.CLIENT, attributes) as span:
        yield span


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
    if len(traceparent) > MAX_TRACEPARENT:
        return None
    extracted = _propagator.extract({"traceparent": traceparent})
    context = trace.get_current_span(extracted).get_span_context()
    return context if context.is_valid else None


@contextmanager
def _span(
    name: str, kind: SpanKind, attributes: Mapping[str, str | int], traceparents: Traceparents = ()
) -> Iterator[Span]:
    # Neither the exception event nor the default status: both carry its text as it is, credentials included.
    with _tracer.start_as_current_span(
        name, None, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        _link(span, traceparents)
        try:
            yield span
        except Exception as error:
            span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR, describe(error)))
            raise


@contextmanager
def _measured(histogram: Histogram, system: str, operation: str) -> Iterator[None]:
    started, failure = time.perf_counter(), ""
    try:
        yield
    except Exception as error:
        failure = metrics.failure_of(error)
        raise
    finally:
        histogram.record(time.perf_counter() - started, system, operation, failure)


def _link(span: Span, traceparents: Traceparents) -> None:
    if span.is_recording():
        contexts = (context_of(each) for each in dict.fromkeys(traceparents) if each)
        for context in islice(filter(None, contexts), MAX_LINKS):
            span.add_link(context)
