"""What the rows share: servers, messages, filled buses; each is made when the first row asks for it."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks import buses
from benchmarks.buses import Bus
from benchmarks.spans import NotMeasured
from benchmarks.trades import Documents, documents, trades
from consumer.simulator.envelope import Simulated
from tests.servers import Kafka, MongoDB, Nats, Server


class Size(NamedTuple):
    """How much is measured: messages a row, messages of the naive row, rounds of the ceiling, seconds in all."""

    messages: int
    naive: int
    rounds: int
    seconds: float


USUAL = Size(messages=200_000, naive=3_000, rounds=3, seconds=220)
QUICK = Size(messages=20_000, naive=300, rounds=1, seconds=60)


class Bench:
    """One run of the benchmark; servers and files are gone when the context ends."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._stack = ExitStack()
        self._servers: dict[type[Server], Server] = {}

    def __enter__(self) -> Self:
        self._deadline = time.monotonic() + self.size.seconds
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tapestore-bench-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def seconds_left(self) -> float:
        """Until the whole run must be over."""
        return self._deadline - time.monotonic()

    @cached_property
    def messages(self) -> list[Simulated]:
        """What every row moves."""
        return trades(self.size.messages)

    @cached_property
    def documents(self) -> Documents:
        """What every row stores."""
        return documents(self.messages)

    @cached_property
    def mongodb(self) -> str:
        """The URI of the database."""
        return self._url(MongoDB)

    @cached_property
    def kafka(self) -> Bus:
        """A topic with all messages."""
        return self._filled(buses.kafka(self._url(Kafka)))

    @cached_property
    def jetstream(self) -> Bus:
        """A stream with all messages."""
        return self._filled(buses.jetstream(self._url(Nats)))

    @cached_property
    def file(self) -> Bus:
        """A file with all messages, one a line."""
        return self._filled(buses.file(str(self.folder / "tape.jsonl")))

    def _filled(self, bus: Bus) -> Bus:
        buses.fill(bus, self.messages)
        return bus

    def _url(self, kind: type[Server]) -> str:
        if not kind.installed():
            raise NotMeasured(f"{kind.name} is not installed: python -m tests.servers.install {kind.name}")
        return self._stack.enter_context(kind()).url
