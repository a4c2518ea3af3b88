"""Telemetry that can be looked at: log lines, the exposition, finished spans."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from config.service import TelemetrySettings
from consumer.telemetry import metrics, traces
from consumer.telemetry.declare import catch_up
from consumer.telemetry.logs import Libraries, configure_logs

Line = dict[str, Any]
Series = Mapping[str, str]


@pytest.fixture
def clean_logs() -> Iterator[None]:
    """What a test configures about logs ends with it, and what earlier events held back is gone."""
    catch_up(at_the_end=True)
    level = logging.getLogger().level
    yield
    catch_up(at_the_end=True)
    logging.captureWarnings(False)
    root = logging.getLogger()
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if isinstance(handler, Libraries)]:
        root.removeHandler(handler)
    structlog.reset_defaults()


@pytest.fixture
def lines(clean_logs: None, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[Line]]:
    """The JSON lines on stderr since the last call."""
    configure_logs(TelemetrySettings(log_level="DEBUG", log_format="json"))
    capsys.readouterr()
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture
def sample() -> Callable[..., float | None]:
    """`sample("tapestore_x_total", source="kafka")`: the value in the exposition, None when it is not there."""
    metrics.configure_metrics()

    def value(name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(metrics.exposition().decode())
        samples = (sample for family in families for sample in family.samples)
        found = [each.value for each in samples if each.name == name and labels.items() <= each.labels.items()]
        assert len(found) <= 1, f"{name} {labels} is not one series"
        return found[0] if found else None

    return value


@pytest.fixture
def finished() -> Iterator[Callable[[], list[ReadableSpan]]]:
    """The spans that have ended so far."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use(provider)
    yield lambda: list(exporter.get_finished_spans())
    traces.use(None)
    provider.shutdown()
