"""Flows from a bus to a store, each a process of its own that is watched until everything has arrived."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from benchmarks.buses import Bus
from benchmarks.held import Held
from benchmarks.process import Process, Usage
from benchmarks.spans import Measurement, NotMeasured, Sample, steady
from benchmarks.stores import MongoDB, Store

LOOK_SECONDS = 0.05
END_SECONDS = 15
TAPESTORE = (sys.executable, "-m", "consumer")
RUN = ("run", "--until-idle", "1", "--json")
RUN_LONGER = ("run", "--until-idle", "3", "--json")
GOOD = ("stored", "duplicate", "stale")

Arrived = Callable[[], int]
"""How many messages have arrived; asking costs the flow nothing."""


class Watched(Protocol):
    """What can be looked at: one process, or several together."""

    @property
    def age_seconds(self) -> float: ...

    def usage(self) -> Usage | None: ...

    def failure(self, what: str) -> NotMeasured: ...


class Seen(NamedTuple):
    """All looks at a flow, and the most memory it took."""

    samples: list[Sample]
    peak_rss_mb: float

    def measured(self, since: int = 0) -> Measurement:
        """What a row says of it; the first `since` messages were none of its business."""
        first = next(sample.seconds for sample in self.samples if sample.messages)
        return Measurement(steady(self.samples, since), first, self.peak_rss_mb)


def tapestore(
    bus: Bus, store: Store, arrived: Arrived, messages: int, seconds: float, held: Held | None = None
) -> Seen:
    """`tapestore run` until it is idle; what is `held` is released once all others have arrived.

    Raises NotMeasured also when a message became no document.
    """
    with Process([*TAPESTORE, *run(held)], settings(bus, store)) as process:
        before = prepared(process, arrived, messages, seconds, held)
        seen = watch(process, arrived, messages, seconds)
        check([process.end(END_SECONDS)], messages)
    return seen._replace(samples=[*before, *seen.samples])


def run(held: Held | None) -> tuple[str, ...]:
    """The words that run it until it is idle: for longer, where something is held until others have arrived."""
    return RUN if held is None else RUN_LONGER


def prepared(process: Process, arrived: Arrived, messages: int, seconds: float, held: Held | None) -> list[Sample]:
    """Release what is held of so many messages once all others have arrived; the looks until then."""
    if held is None:
        return []
    looked = watch(process, arrived, messages - held.count, seconds).samples
    held.release()
    return looked


def settings(bus: Bus, store: Store) -> dict[str, str]:
    """All that tapestore is told."""
    return bus | store.settings | {"HTTP_PORT": "0", "MARKET": "bench"}


def naive(bus: Bus, store: MongoDB, messages: int, seconds: float) -> Measurement:
    """`benchmarks.naive` until so much has arrived, or the time is over: it may take as long as it likes."""
    where = (bus["KAFKA_BOOTSTRAP_SERVERS"], bus["KAFKA_TOPICS"], store.uri, store.name)
    with Process([sys.executable, "-m", "benchmarks.naive", *where], {}) as process:
        return watch(process, store.arrived, messages, seconds, all_of_them=False).measured()


def command(*words: str) -> Measurement:
    """A command that ends by itself: how long it takes."""
    with Process(words, {}) as process:
        process.end(END_SECONDS)
        return Measurement(start_seconds=process.age_seconds)


def watch(process: Watched, arrived: Arrived, messages: int, seconds: float, *, all_of_them: bool = True) -> Seen:
    """Look at a flow until so many messages have arrived; raises NotMeasured when they do not in so many seconds."""
    samples, peak = [], 0.0
    for sample, rss_mb in looks(process, arrived, seconds):
        samples.append(sample)
        peak = max(peak, rss_mb)
        if sample.messages >= messages:
            break
    else:
        if all_of_them and (there := arrived()) < messages:
            raise process.failure(f"{there} of {messages} messages arrived")
    return Seen(samples, peak)


def looks(process: Watched, arrived: Arrived, seconds: float) -> Iterator[tuple[Sample, float]]:
    """Sample after sample, each with the peak RSS in MB, until the process ends or the time is over."""
    ends = process.age_seconds + seconds
    while process.age_seconds < ends and (usage := process.usage()):
        yield Sample(process.age_seconds, arrived(), usage.cpu_seconds), usage.peak_rss_mb
        time.sleep(LOOK_SECONDS)


def check(summaries: Iterable[str], messages: int) -> None:
    """Each message was stored, or said what was stored before: anything else is no measurement."""
    fates = [each for summary in summaries for each in json.loads(summary)["datasets"].values()]
    received, good = sum(each["received"] for each in fates), sum(each[fate] for each in fates for fate in GOOD)
    if good < received or received < messages:
        raise NotMeasured(f"{messages} messages were there, {received} records were received, {good} of them stored")
