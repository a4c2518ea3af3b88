"""Renders docs/telemetry.md from the declarations: `python -m consumer.telemetry.reference`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any

from consumer.telemetry import events, metrics, names, traces
from consumer.telemetry.declare import DECLARED, Event
from consumer.telemetry.identity import Attributes, Bus, Database
from consumer.telemetry.instruments import Instrument

ROOT = Path(__file__).resolve().parents[2]

INTRODUCTION = f"""\
# Telemetry

Written by `python -m consumer.telemetry.reference` from the declarations in `consumer/telemetry`: change those.
Names follow OpenTelemetry's semantic conventions, schema `{names.SCHEMA_URL}`.
What they have no name for is ours: `tapestore.*`.
"""

METRICS = """\
`/metrics` shows them in Prometheus' text format, with those of the process (`process_*`) and of Python. The values
of each label are a closed set; anything else is counted as `other`. No label names a symbol, a collection or an
error text.
"""

EVENTS = f"""\
A line is named after what happened (`{events.__name__}`). Lines are JSON unless stderr is a terminal (`LOG_FORMAT`);
each carries `timestamp`, `level` and `event`, and `trace_id` and `span_id` inside a span. Where a flood is possible,
the first event is written at once and the next ones are summed up: `occurrences` says how many events a line stands
for. What libraries warn of comes with their `logger`'s name.
"""

SPANS = f"""\
They are made when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, for batches and never for single messages. A span links to
the traces of the messages in it (W3C `traceparent`, from the headers or from the body), {traces.MAX_LINKS} different
ones at most. A failed one carries `{names.ERROR_TYPE}`; the one around a flushed batch carries
`{names.RECORD_KIND}` and `{names.FLUSH_TRIGGER}`.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            f"## Metrics\n\n{METRICS}",
            _table(("metric", "type", "labels", "meaning"), map(_metric, metrics.DECLARED)),
            f"## Log lines\n\n{EVENTS}",
            _table(("event", "level", "fields", "meaning"), map(_event, DECLARED.values())),
            f"## Spans\n\n{SPANS}",
            _table(("span", "attributes"), _spans()),
        ]
    )


def _metric(metric: Instrument) -> Sequence[str]:
    labels = "; ".join(_label(label, values) for label, values in metric.labels.items())
    return f"`{metric.prometheus_name}`", metric.kind, labels, metric.description


def _label(label: str, values: Sequence[str]) -> str:
    name = f"`{label.replace('.', '_')}`"
    return f"{name}: {', '.join(filter(None, values))}" if len(values) > 1 else name


def _event(event: Event) -> Sequence[str]:
    each = f" by {', '.join(event.by)}" if event.by else ""
    flood = f" At most one line{each} in {event.throttle.seconds:g} s." if event.throttle else ""
    fields = ", ".join(f"`{name}`" for name in event.fields)
    return f"`{event.name}`", logging.getLevelName(event.level), fields, event.about + flood


def _spans() -> Iterable[Sequence[str]]:
    jetstream = Bus("jetstream", "durable", "host", 4222)
    kafka = Bus("kafka", "group", "host", 9092)
    store = Database("mongodb", "database", "host", 27017)
    for span, kind in ((traces.receive, "receive"), (traces.process, "process")):
        yield _span(span, [bus.operation(kind, kind, name, 2) for bus in (jetstream, kafka) for name in ("a", "a.>")])
    yield _span(traces.flush, [store.operation("insert", "collection", 2)])
    yield _span(traces.settle, [bus.operation("settle", "ack", "a", 2) for bus in (jetstream, kafka)])


def _span(span: Callable[..., Any], emitted: Iterable[Attributes]) -> Sequence[str]:
    attributes = dict.fromkeys(name for each in emitted for name in each)
    return getdoc(span) or "", ", ".join(f"`{name}`" for name in attributes)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "telemetry.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
