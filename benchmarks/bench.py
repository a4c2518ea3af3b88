"""What the rows share: servers, messages, filled buses; each is made when the first row asks for it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar, cast

from benchmarks import buses, feeds
from benchmarks.buses import Bus
from benchmarks.feeds import Feed
from benchmarks.spans import NotMeasured
from benchmarks.stores import Mongod
from benchmarks.trades import Documents, documents
from consumer.simulator.envelope import Simulated
from tests.servers import Kafka, Nats, Server

Made = TypeVar("Made")


ROW_SECONDS = 120


class Size(NamedTuple):
    """Messages of the rows, of the naive row and at a fixed rate; rounds; seconds for all."""

    messages: int
    naive: int
    paced: int
    rounds: int
    seconds: float


USUAL = Size(messages=200_000, naive=3_000, paced=160_000, rounds=3, seconds=900)
QUICK = Size(messages=40_000, naive=300, paced=40_000, rounds=1, seconds=150)


class Bench:
    """One run of the benchmark; servers and files are gone when the context ends."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._stack = ExitStack()
        self._topics = count(1)
        self._made: dict[tuple[str, str], object] = {}

    def __enter__(self) -> Self:
        self._deadline = time.monotonic() + self.size.seconds
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tapestore-bench-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def row_seconds(self) -> float:
        """What a row may take, so that one leaves time to the others."""
        return max(1.0, min(ROW_SECONDS, self._seconds_left))

    def check_time(self) -> None:
        """Raise NotMeasured when the time for all rows is over."""
        if self._seconds_left <= 0:
            raise NotMeasured(f"the {self.size.seconds:.0f} s for all rows were over")

    @property
    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def feed(self, name: str) -> Feed:
        """What a bus is filled with."""
        return self._once(("feed", name), lambda: feeds.feed(name, self.size.messages))

    @cached_property
    def documents(self) -> Documents:
        """What is stored of the trades."""
        return documents(self.feed("trades").messages)

    @cached_property
    def mongodb(self) -> str:
        """The URI of the database."""
        return self.url(Mongod)

    def kafka(self, feed: str) -> Bus:
        """A topic with all messages of the feed, or a new one with those that come before what is measured."""
        if unmeasured := self.feed(feed).unmeasured:
            return self.topic(self.feed(feed).messages[:unmeasured])
        return self._filled(buses.kafka(self.url(Kafka), f"bench.{feed}"), feed)

    def topic(self, messages: Sequence[Simulated]) -> Bus:
        """A new topic with these messages."""
        bus = buses.kafka(self.url(Kafka), f"bench.{next(self._topics)}")
        buses.fill(bus, messages)
        return bus

    def jetstream(self, feed: str) -> Bus:
        """A stream with all messages of the feed."""
        return self._filled(buses.jetstream(self.url(Nats)), feed)

    def nats(self) -> Bus:
        """A subject without any message."""
        return buses.nats(self.url(Nats))

    def file(self, feed: str) -> Bus:
        """A file with all messages of the feed, one a line."""
        return self._filled(buses.file(str(self.folder / f"{feed}.jsonl")), feed)

    def url(self, kind: type[Server]) -> str:
        """The address of a server; raises NotMeasured when it is not installed."""
        return self._once(("server", kind.name), lambda: self._started(kind))

    def _filled(self, bus: Bus, feed: str) -> Bus:
        self._once((bus["SOURCE"], feed), lambda: buses.fill(bus, self.feed(feed).messages))
        return bus

    def _started(self, kind: type[Server]) -> str:
        if not kind.installed():
            raise NotMeasured(f"{kind.name} is not installed: python -m tests.servers.install {kind.name}")
        return self._stack.enter_context(kind()).url

    def kept(self, name: str, make: Callable[[], Made]) -> Made:
        """What the rows of one report share besides."""
        return self._once(("kept", name), make)

    def _once(self, key: tuple[str, str], make: Callable[[], Made]) -> Made:
        if key not in self._made:
            self._made[key] = make()
        return cast(Made, self._made[key])
