"""The rows of the report, in their order: a name, what it says to a reader, and how it is measured."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from benchmarks import ceiling, flows, paced, standing, workers, writes
from benchmarks.bench import Bench
from benchmarks.buses import Bus, new_reader
from benchmarks.held import Held
from benchmarks.recorded import YARDSTICK
from benchmarks.report import CEILING
from benchmarks.routes import CANDLES, ROUTES, TWICE, Route, ends, seen
from benchmarks.spans import Measurement, Span, steady
from benchmarks.stores import MongoDB, OwnMongoDB
from benchmarks.trades import documents
from config.flow import SUITED

NAIVE_SECONDS = 20


class Row(NamedTuple):
    """One line of the report; what takes minutes or is compared with nothing is measured `once`, not in each round."""

    title: str
    measure: Callable[[Bench], Measurement]
    once: bool = False


def _tapestore(route: Route, bench: Bench) -> Measurement:
    return seen(route, bench).measured(bench.feed(route.feed).unmeasured)


def _redelivered(bench: Bench) -> Measurement:
    """The second half; everything in it was stored by the same process a moment ago."""
    first = bench.feed(TWICE.feed).unmeasured
    both = seen(TWICE, bench)
    measured, before = both.measured(first), steady([look for look in both.samples if look.messages <= first])
    assert measured.span is not None
    return measured._replace(figures={"of_first_delivery": measured.span.rate / before.rate})


def _candles(bench: Bench) -> Measurement:
    with ends(CANDLES, bench) as (bus, store, arrived):
        assert isinstance(store, MongoDB)
        return writes.measure(bus, store, arrived, len(bench.feed(CANDLES.feed).messages), bench.row_seconds)


def _two_workers(bench: Bench) -> Measurement:
    bus, store = new_reader(bench.topic([])), MongoDB(bench.mongodb, "workers")
    try:
        with Held(bus, bench.feed("trades").messages) as held:
            return workers.measure(bus, store, held, 2, bench.row_seconds).measured()._replace(start_seconds=None)
    finally:
        store.clear()


def _paced(bus: Callable[[Bench], Bus], bench: Bench) -> Measurement:
    store = MongoDB(bench.mongodb, "paced")
    try:
        return paced.measure(new_reader(bus(bench)), store, bench.size.paced, bench.row_seconds)
    finally:
        store.clear()


def _standing(bench: Bench) -> Measurement:
    bus = new_reader(bench.jetstream("trades"))
    return Measurement(standing.pull(bus, bench.size.messages, bench.row_seconds))


def _version(_: Bench) -> Measurement:
    return flows.command(*flows.TAPESTORE, "--version")


def _import(_: Bench) -> Measurement:
    return flows.command(sys.executable, "-c", "import consumer.cli.run, consumer.api.app, consumer.api.server")


def _yardstick(bench: Bench) -> Measurement:
    """How fast one core is now: the same work each time, and nothing of ours."""
    data = [message.data for message in bench.feed("trades").messages]
    began, cpu_began = time.perf_counter(), time.process_time()
    for each in data:
        json.loads(each)
    return Measurement(Span(len(data), time.perf_counter() - began, time.process_time() - cpu_began))


def _naive(bench: Bench) -> Measurement:
    bus, store = bench.kafka("trades"), MongoDB(bench.mongodb, "naive")
    try:
        store.make_collections(bench.documents)
        return flows.naive(bus, store, bench.size.naive, min(NAIVE_SECONDS, bench.row_seconds))
    finally:
        store.clear()


def _ceiling(bench: Bench) -> Measurement:
    store = MongoDB(bench.mongodb, "ceiling")
    try:
        return Measurement(ceiling.insert(store, bench.documents))
    finally:
        store.clear()


def _many_ceiling(bench: Bench) -> Measurement:
    """Each collection exists and has its first document; all others of it are one batch."""
    store, writers = OwnMongoDB("many"), SUITED["mongodb"].max_writes
    try:
        by_collection = documents(bench.feed("many-symbols").messages)
        ceiling.insert(store, {name: some[:1] for name, some in by_collection.items()})
        return Measurement(ceiling.insert(store, {name: some[1:] for name, some in by_collection.items()}, writers))
    finally:
        store.clear()


def _row(route: str) -> Row:
    return Row(ROUTES[route].title, partial(_tapestore, ROUTES[route]))


SYMBOLS = ("few-symbols", "many-symbols")  # last, because thousands of collections take their time
ROWS: Mapping[str, Row] = {
    "version": Row("tapestore --version", _version, once=True),
    "import": Row("import of all that `tapestore run` needs", _import, once=True),
    YARDSTICK: Row("one core: json.loads of a trade", _yardstick),
    "naive": Row("naive: Kafka → json.loads → insert_one", _naive, once=True),
    CEILING: Row("ceiling: insert_many of encoded documents", _ceiling),
    "standing-pull": Row("JetStream: pull and acknowledge, no store", _standing),
    **{name: _row(name) for name in ROUTES if name not in SYMBOLS},
    "redelivered": Row(TWICE.title, _redelivered, once=True),
    "candles": Row(CANDLES.title, _candles, once=True),
    "two-workers": Row("Kafka → MongoDB, 2 workers in one group", _two_workers),
    "kafka-paced": Row(
        f"Kafka → MongoDB at {paced.RATE:,} messages/s", partial(_paced, lambda bench: bench.topic([])), once=True
    ),
    "nats-paced": Row(f"NATS core → MongoDB at {paced.RATE:,} messages/s", partial(_paced, Bench.nats), once=True),
    **{name: _row(name) for name in SYMBOLS},
    "many-ceiling": Row("ceiling: the same 4,000 collections, a batch for each", _many_ceiling, once=True),
}
