"""What tapestore moves, from where to where, and how one sees what has arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

from benchmarks import flows
from benchmarks.bench import Bench
from benchmarks.buses import Bus, new_reader
from benchmarks.committed import Committed
from benchmarks.feeds import Feed, many_collections
from benchmarks.flows import Arrived, Seen
from benchmarks.held import Held
from benchmarks.stores import MongoDB, OwnMongoDB, Parquet, Store

Arrivals = Callable[[Bus, MongoDB | Parquet], AbstractContextManager[Arrived]]
"""How to see what has arrived."""


def documents(_: Bus, store: Store) -> AbstractContextManager[Arrived]:
    """By the documents that are there: for feeds whose every message is one of its own."""
    return nullcontext(store.arrived)


def inserts(_: Bus, store: MongoDB | Parquet) -> AbstractContextManager[Arrived]:
    """By what the server inserted, for the same feeds in thousands of collections."""
    assert isinstance(store, MongoDB)
    return nullcontext(store.inserted_since_now())


def commits(bus: Bus, _: Store) -> AbstractContextManager[Arrived]:
    """By what the bus was told: for feeds where several messages, or none, are one document."""
    return Committed(bus)


class Route(NamedTuple):
    """What tapestore moves, from where to where."""

    title: str
    bus: Callable[[Bench, str], Bus]
    store: Callable[[Bench], MongoDB | Parquet]
    feed: str = "trades"
    arrivals: Arrivals = documents


def _mongodb(name: str) -> Callable[[Bench], MongoDB]:
    return lambda bench: MongoDB(bench.mongodb, name)


def _parquet(bench: Bench) -> Parquet:
    return Parquet(bench.folder / "parquet")


def _thousands(bench: Bench) -> MongoDB:
    """A server of its own whose collections are there already."""
    store = OwnMongoDB("many")
    store.make_collections(many_collections(bench.size.messages))
    return store


def _kafka(title: str, feed: str, arrivals: Arrivals) -> Route:
    return Route(f"Kafka → MongoDB, {title}", Bench.kafka, _mongodb(feed), feed, arrivals)


TWICE = _kafka("everything redelivered", "twice", commits)
CANDLES = _kafka("100 candles, 4 updates a second each", "candles", commits)
ROUTES: Mapping[str, Route] = {
    "kafka-mongodb": Route("Kafka → MongoDB", Bench.kafka, _mongodb("kafka")),
    "jetstream-mongodb": Route("JetStream → MongoDB", Bench.jetstream, _mongodb("jetstream")),
    "file-mongodb": Route("file → MongoDB", Bench.file, _mongodb("file")),
    "file-parquet": Route("file → Parquet", Bench.file, _parquet),
    "depth": _kafka("depth of 20 levels a side", "depth", documents),
    "mixed": _kafka("mixed feed", "mixed", commits),
    "few-symbols": _kafka("10 symbols of 4 kinds", "few-symbols", inserts),
    "many-symbols": Route(
        *(
            "Kafka → MongoDB, 1,000 symbols of 4 kinds",
            Bench.kafka,
            _thousands,
            "many-symbols",
            inserts,
        )
    ),
}


@contextmanager
def ends(route: Route, bench: Bench) -> Iterator[tuple[Bus, Store, Arrived]]:
    """Both ends of a route, ready, and how to see what has arrived; the store is empty again afterwards."""
    bus, store = new_reader(route.bus(bench, route.feed)), route.store(bench)
    try:
        with route.arrivals(bus, store) as arrived:
            yield bus, store, arrived
    finally:
        store.clear()


def seen(route: Route, bench: Bench) -> Seen:
    """All of its feed, moved once; what only prepares is done before the rest is there."""
    feed = bench.feed(route.feed)
    with ends(route, bench) as (bus, store, arrived), held_back(bus, feed) as held:
        return flows.tapestore(bus, store, arrived, len(feed.messages), bench.row_seconds, held)


def held_back(bus: Bus, feed: Feed) -> AbstractContextManager[Held | None]:
    """What is measured of a feed, held until what only prepares is done; None when there is no such part."""
    return Held(bus, feed.messages[feed.unmeasured :]) if feed.unmeasured else nullcontext()
