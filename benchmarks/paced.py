"""A flow at a fixed rate, and how long each message takes from its publisher to a majority's journals.

Another process publishes and notes when; a change stream on the collection of one symbol tells when its documents
are there. Change streams show only what a majority has, which in this replica set means journaled; so the latency
includes the stream's own, and none of it is counted twice.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

from pymongo import MongoClient

from benchmarks import buses
from benchmarks.buses import Bus
from benchmarks.flows import END_SECONDS, TAPESTORE, check, settings, watch
from benchmarks.pacer import PROBE, core_trades
from benchmarks.process import Process
from benchmarks.spans import Measurement, NotMeasured
from benchmarks.stores import MongoDB

RATE = 20_000
START_SECONDS = 30
WARM_SHARE = 0.2
"""Of the messages, at the beginning, whose latency is not counted."""


def measure(bus: Bus, store: MongoDB, messages: int, seconds: float) -> Measurement:
    """What a row says, with the latency in `p50_ms` and `p99_ms`."""
    with Process([*TAPESTORE, "run", "--json"], settings(bus, store)) as process, _arrivals(store) as came:
        begin(process, bus, store)
        with Process([sys.executable, "-m", "benchmarks.pacer", str(messages), str(RATE)], bus) as pacer:
            seen = watch(process, store.arrived, messages, seconds)
            went: dict[str, float] = json.loads(pacer.end(END_SECONDS))
        _wait(came, went)
        process.signal(signal.SIGTERM)
        check([process.end(END_SECONDS)], messages)
    return seen.measured()._replace(start_seconds=None, figures=latency(went, came))


def begin(process: Process, bus: Bus, store: MongoDB) -> None:
    """Publish the first message, again and again, until it has arrived: somebody listens then."""
    first = core_trades(1)
    while process.age_seconds < START_SECONDS:
        buses.fill(bus, first)
        time.sleep(0.3)
        if store.arrived():
            return
    raise process.failure(f"nothing arrived within {START_SECONDS} s")


def latency(went: Mapping[str, float], came: Mapping[str, float]) -> dict[str, float]:
    """The median and the 99th percentile in ms of all but the first ones; both clocks are the machine's."""
    counted = list(went)[int(len(went) * WARM_SHARE) :]
    if missing := [key for key in counted if key not in came]:
        raise NotMeasured(f"{len(missing)} of {len(counted)} documents were not seen to arrive")
    hundredths = quantiles([(came[key] - went[key]) * 1000 for key in counted], n=100)
    return {"p50_ms": hundredths[49], "p99_ms": hundredths[98]}


@contextmanager
def _arrivals(store: MongoDB) -> Iterator[Mapping[str, float]]:
    """When each document of the symbol came, while the context lasts."""
    store.make_collections([COLLECTION])
    came: dict[str, float] = {}
    with MongoClient[Any](store.uri) as client:
        stream = client[store.name][COLLECTION].watch([{"$project": {"documentKey": 1}}], max_await_time_ms=200)
        listening = threading.Event()
        thread = threading.Thread(target=_listen, args=(stream, came, listening))
        listening.set()
        thread.start()
        try:
            yield came
        finally:
            listening.clear()
            thread.join()
            stream.close()


def _listen(stream: Any, came: dict[str, float], listening: threading.Event) -> None:
    while listening.is_set():
        if change := stream.try_next():
            came.setdefault(change["documentKey"]["_id"], time.monotonic())


def _wait(came: Mapping[str, float], went: Mapping[str, float]) -> None:
    deadline = time.monotonic() + 5
    while not went.keys() <= came.keys() and time.monotonic() < deadline:
        time.sleep(0.05)


COLLECTION = f"trades_{PROBE}"
