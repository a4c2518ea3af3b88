"""How many writes candle updates cost: the server's count of them, beside the product's count of its flushes."""

from __future__ import annotations

import re
import urllib.request

from benchmarks.buses import Bus
from benchmarks.flows import END_SECONDS, RUN, TAPESTORE, Arrived, check, settings, watch
from benchmarks.process import Process
from benchmarks.spans import Measurement
from benchmarks.stores import MongoDB
from tests.servers import free_port

FLUSHES = re.compile(r"^tapestore_flush_messages_count(?:\{[^}]*\})? ([\d.e+]+)$", re.MULTILINE)


def measure(bus: Bus, store: MongoDB, arrived: Arrived, messages: int, seconds: float) -> Measurement:
    """A flow of updates of one candle a collection, so that a flush is one of one candle."""
    port, writes = free_port(), store.writes_since_now("candles")
    with Process([*TAPESTORE, *RUN], settings(bus, store) | {"HTTP_PORT": str(port)}) as process:
        seen = watch(process, arrived, messages, seconds)
        flushed = flushes(_metrics(port))
        check([process.end(END_SECONDS)], messages)
    written = writes()
    return seen.measured()._replace(
        figures={"writes_a_flush": written / flushed, "updates_a_write": messages / max(1, written)}
    )


def flushes(metrics: str) -> float:
    """How many batches were flushed, from the text of /metrics."""
    return sum(float(count) for count in FLUSHES.findall(metrics))


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: bytes = answer.read()
    return text.decode()
