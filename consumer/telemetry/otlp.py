"""Where spans go when an endpoint is set: OTLP over HTTP, in batches, from a thread of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.util.re import parse_env_headers

from config.service import TelemetrySettings
from consumer.telemetry import names

# A span with all its links takes some 80 kB until it is exported, and the collector may be down.
QUEUED_SPANS = 512
EXPORTED_SPANS = 128
EXPORT_MILLISECONDS = 1000

SAMPLERS: Mapping[str, Callable[[float], Sampler]] = {
    "always_on": lambda _: ALWAYS_ON,
    "always_off": lambda _: ALWAYS_OFF,
    "traceidratio": TraceIdRatioBased,
    "parentbased_always_on": lambda _: ParentBased(ALWAYS_ON),
    "parentbased_always_off": lambda _: ParentBased(ALWAYS_OFF),
    "parentbased_traceidratio": ParentBasedTraceIdRatio,
}


def exporting(settings: TelemetrySettings, endpoint: str, max_links: int) -> TracerProvider:
    """A provider whose spans go to the endpoint, sampled as the settings say."""
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=parse_env_headers(headers, liberal=True)
    )
    provider = TracerProvider(
        resource=resource(settings),
        sampler=SAMPLERS[settings.traces_sampler](settings.traces_sampler_arg),
        span_limits=SpanLimits(max_links=max_links),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUED_SPANS,
            schedule_delay_millis=EXPORT_MILLISECONDS,
            max_export_batch_size=EXPORTED_SPANS,
        )
    )
    return provider


def resource(settings: TelemetrySettings) -> Resource:
    """Who we are, for whoever reads our telemetry; all of it from the settings."""
    pairs = (pair.partition("=") for pair in settings.resource_attributes.split(","))
    told = {name.strip(): unquote(value.strip()) for name, _, value in pairs if name.strip()}
    ours = {
        names.SERVICE_VERSION: version("tapestore"),
        names.SERVICE_INSTANCE_ID: str(uuid.uuid4()),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": version("opentelemetry-sdk"),
    }
    return Resource({**ours, **told, names.SERVICE_NAME: settings.service_name}, names.SCHEMA_URL)
