"""The rows of the report, in their order: a name, what it says to a reader, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from statistics import median_low
from typing import NamedTuple

from benchmarks import ceiling, flows
from benchmarks.bench import Bench
from benchmarks.buses import Bus
from benchmarks.spans import Measurement, Span
from benchmarks.stores import MongoDB, Parquet, Store

NAIVE_SECONDS = 20


class Row(NamedTuple):
    """One line of the report."""

    title: str
    measure: Callable[[Bench], Measurement]


class Flow(NamedTuple):
    """What tapestore moves, from where to where."""

    title: str
    bus: Callable[[Bench], Bus]
    store: Callable[[Bench], Store]


FLOWS: Mapping[str, Flow] = {
    "kafka-mongodb": Flow("Kafka → MongoDB", lambda bench: bench.kafka, lambda bench: MongoDB(bench.mongodb, "kafka")),
    "jetstream-mongodb": Flow(
        "JetStream → MongoDB", lambda bench: bench.jetstream, lambda bench: MongoDB(bench.mongodb, "jetstream")
    ),
    "file-mongodb": Flow("file → MongoDB", lambda bench: bench.file, lambda bench: MongoDB(bench.mongodb, "file")),
    "file-parquet": Flow("file → Parquet", lambda bench: bench.file, lambda bench: Parquet(bench.folder / "parquet")),
}


@contextmanager
def ends(flow: Flow, bench: Bench) -> Iterator[tuple[Bus, Store]]:
    """Both ends of a flow, ready; the store is empty again afterwards."""
    bus, store = flow.bus(bench), flow.store(bench)
    try:
        yield bus, store
    finally:
        store.clear()


def _tapestore(flow: Flow, bench: Bench) -> Measurement:
    with ends(flow, bench) as (bus, store):
        return flows.tapestore(bus, store, bench.size.messages, bench.seconds_left)


def _version(_: Bench) -> Measurement:
    return flows.version()


def _naive(bench: Bench) -> Measurement:
    bus, store = bench.kafka, MongoDB(bench.mongodb, "naive")
    try:
        store.make_collections(bench.documents)
        return flows.naive(bus, store, bench.size.naive, min(NAIVE_SECONDS, bench.seconds_left))
    finally:
        store.clear()


def _ceiling(bench: Bench) -> Measurement:
    """The middle one of a few rounds: one alone is over too soon to be trusted."""
    spans = [_ceiling_once(bench) for _ in range(bench.size.rounds)]
    middle = median_low(span.rate for span in spans)
    return Measurement(next(span for span in spans if span.rate == middle))


def _ceiling_once(bench: Bench) -> Span:
    store = MongoDB(bench.mongodb, "ceiling")
    try:
        return ceiling.insert(store, bench.documents)
    finally:
        store.clear()


CEILING = "ceiling"
ROWS: Mapping[str, Row] = {
    "version": Row("tapestore --version", _version),
    "naive": Row("naive: Kafka → json.loads → insert_one", _naive),
    CEILING: Row("ceiling: insert_many of encoded documents", _ceiling),
    **{name: Row(flow.title, partial(_tapestore, flow)) for name, flow in FLOWS.items()},
}
