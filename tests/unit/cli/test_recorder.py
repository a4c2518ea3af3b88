"""When the recorder has everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from consumer.cli.record import _Recorder
from consumer.messages import Delivery, Message, Settlement
from consumer.sources.base import SourceStatus
from consumer.sources.capture import read
from consumer.sources.memory import MemoryBus, MemorySource


class Shared(MemorySource):
    """Somebody else holds the first message, and gives it back once a look has found nothing else to receive."""

    wait_seconds: ClassVar[float] = 0
    held: list[Message] | None = None
    received: Sequence[Delivery] = ()

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if self.held is None:
            self.held = self.bus.take(1, 10)
        self.received = await super().receive(max_messages, max_bytes)
        return self.received

    async def status(self) -> SourceStatus:
        told = await super().status()
        while self.held and not self.received:
            self.bus.settle(self.held.pop(), Settlement.LATER)
        return told


async def test_what_another_one_still_holds_is_waited_for(tmp_path: Path) -> None:
    recorder = _Recorder(Shared(MemoryBus([b"1", b"2", b"3"])), tmp_path / "tape", None, until_idle=0)
    await recorder.run()
    tape = (tmp_path / "tape").read_bytes().splitlines()
    assert sorted(read(line, "tape", 1).data for line in tape) == [b"1", b"2", b"3"]
