"""Flows from a bus to a store, each a process of its own that is watched until everything has arrived."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from benchmarks.buses import Bus
from benchmarks.process import Process
from benchmarks.spans import Measurement, NotMeasured, Sample, steady
from benchmarks.stores import MongoDB, Store

LOOK_SECONDS = 0.05
END_SECONDS = 15
TAPESTORE = (sys.executable, "-m", "consumer")
RUN = ("run", "--until-idle", "1", "--json")


def tapestore(bus: Bus, store: Store, messages: int, seconds: float) -> Measurement:
    """`tapestore run` until it is idle; raises NotMeasured also when it did not store every message."""
    with Process([*TAPESTORE, *RUN], settings(bus, store)) as process:
        measured = watch(process, store, messages, seconds)
        _check(process.end(END_SECONDS), messages)
    return measured


def settings(bus: Bus, store: Store) -> dict[str, str]:
    """All that tapestore is told."""
    return bus | store.settings | {"HTTP_PORT": "0", "MARKET": "bench"}


def naive(bus: Bus, store: MongoDB, messages: int, seconds: float) -> Measurement:
    """`benchmarks.naive` until so much has arrived, or the time is over: it may take as long as it likes."""
    where = (bus["KAFKA_BOOTSTRAP_SERVERS"], bus["KAFKA_TOPICS"], store.uri, store.name)
    with Process([sys.executable, "-m", "benchmarks.naive", *where], {}) as process:
        return watch(process, store, messages, seconds, all_of_them=False)


def version() -> Measurement:
    """`tapestore --version`: what importing costs."""
    with Process([*TAPESTORE, "--version"], {}) as process:
        process.end(END_SECONDS)
        return Measurement(start_seconds=process.age_seconds)


def watch(process: Process, store: Store, messages: int, seconds: float, *, all_of_them: bool = True) -> Measurement:
    """Look at a flow until so many messages have arrived; raises NotMeasured when they do not in so many seconds."""
    samples, peak = [], 0.0
    for sample, rss_mb in looks(process, store, seconds):
        samples.append(sample)
        peak = max(peak, rss_mb)
        if sample.messages >= messages:
            break
    else:
        if all_of_them and store.arrived() < messages:
            raise process.failure(f"{store.arrived()} of {messages} messages arrived")
    return Measurement(steady(samples), next(s.seconds for s in samples if s.messages), peak)


def looks(process: Process, store: Store, seconds: float) -> Iterator[tuple[Sample, float]]:
    """Sample after sample, each with the peak RSS in MB, until the process ends or the time is over."""
    while process.age_seconds < seconds and (usage := process.usage()):
        yield Sample(process.age_seconds, store.arrived(), usage.cpu_seconds), usage.peak_rss_mb
        time.sleep(LOOK_SECONDS)


def _check(summary: str, messages: int) -> None:
    """A redelivery is no failure, and counts as duplicate; a message that is not stored is one."""
    stored = sum(fates["stored"] for fates in json.loads(summary)["datasets"].values())
    if stored != messages:
        raise NotMeasured(f"{messages} messages were there, {stored} were stored")
