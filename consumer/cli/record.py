"""`tapestore record`: the messages of a bus, as they are, into a file."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import UsageError
from consumer.cli.output import note
from consumer.cli.progress import shown
from consumer.cli.start import settings
from consumer.idle import Idleness
from consumer.messages import Delivery, Settlement
from consumer.signals import stop_on_signal
from consumer.sources import open_source
from consumer.sources.base import EndOfSource, Source
from consumer.sources.capture import CaptureWriter

CHUNK_MESSAGES = 2000
CHUNK_BYTES = 8 * 1024 * 1024
SAFE_SECONDS = 1.0
"""So long a message waits at most for the disk: a compressed file is small when many go together."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; .gz and .zst compress.")],
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many messages.")] = None,
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="Stop after so many seconds without a message."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Durable or group of the recorder, not the one of `run`.")
    ] = "tapestore-record",
) -> None:
    """Capture messages from the bus into a file until SIGTERM.

    Their bytes are kept as they are, with subject, headers and time. A message is settled once its line is on
    the disk. The recorder is a consumer of its own and takes nothing from `run`; one of the same name goes on
    where the last one ended. `tapestore replay FILE` sends the messages through the pipeline.

    \b
    Examples:
      tapestore record tape.jsonl.zst --count 100000
      tapestore record all.jsonl.gz --until-idle 10 --name once-more
    """
    if file.exists() or not file.parent.is_dir():
        raise UsageError(f"{file} is there already, or its folder is not: record makes a new file")
    loaded = settings()
    recorder = _Recorder(open_source(_as_recorder(loaded, name)), file, count, until_idle)
    asyncio.run(recorder.run())
    note(f"{recorder.recorded:,} messages in {file}." if recorder.recorded else f"No message came: {file} is not made.")


def _as_recorder(loaded: Settings, name: str) -> Settings:
    """The same bus under another name: a durable or group of its own reads everything by itself."""
    if loaded.source == "file":
        raise UsageError("there is no bus to record: SOURCE is file")
    if name == (loaded.kafka.group_id if loaded.source == "kafka" else loaded.nats.durable):
        raise UsageError(f"--name {name} is the name of `run`: the recorder would take messages from it")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name[:80]!r} is none: letters, digits, _ and -, at most 64")
    nats = loaded.nats.model_copy(update={"durable": name})
    kafka = loaded.kafka.model_copy(update={"group_id": name})
    return loaded.model_copy(update={"nats": nats, "kafka": kafka})


class _Recorder:
    """Copies a source into a file until it is told to stop, has enough, or nothing comes any more."""

    def __init__(self, source: Source, file: Path, count: int | None, until_idle: float | None) -> None:
        self.recorded = 0
        self._source = source
        self._file = file
        self._count = count
        self._idleness = Idleness(float("inf") if until_idle is None else until_idle)
        self._stopping = False
        self._waiting: list[Delivery] = []
        self._bytes = 0
        self._safe_at = time.monotonic()

    async def run(self) -> None:
        """Record until the end; no file is left where nothing was recorded."""
        with CaptureWriter(self._file) as writer, stop_on_signal(self._stop):
            try:
                await self._record(writer)
            finally:
                if not self.recorded:
                    self._file.unlink()

    async def _record(self, writer: CaptureWriter) -> None:
        async with self._source, shown(f"recording {self._source.destination}", self._taken, self._count):
            while not self._is_done():
                await self._copy(writer)
            await self._make_safe(writer)

    def _stop(self) -> None:
        self._stopping = True

    def _taken(self) -> int:
        return self.recorded + len(self._waiting)

    def _is_done(self) -> bool:
        return self._stopping or (self._count is not None and self._taken() >= self._count)

    async def _copy(self, writer: CaptureWriter) -> None:
        left = CHUNK_MESSAGES if self._count is None else min(CHUNK_MESSAGES, self._count - self._taken())
        try:
            deliveries = await self._source.receive(left, CHUNK_BYTES)
        except EndOfSource:
            self._stopping = True
            return
        for delivery in deliveries:
            writer.write(delivery.message)
            self._bytes += len(delivery.message.data)
        self._waiting += deliveries
        if self._bytes >= CHUNK_BYTES or time.monotonic() - self._safe_at >= SAFE_SECONDS:
            await self._make_safe(writer)
        self._stopping = await self._is_idle(len(deliveries)) or self._stopping

    async def _make_safe(self, writer: CaptureWriter) -> None:
        """Put what was written on the disk, and only then tell the bus."""
        if self._waiting:
            await asyncio.to_thread(writer.flush)
        for delivery in self._waiting:
            delivery.settle(Settlement.STORED)
        self.recorded += len(self._waiting)
        self._waiting.clear()
        self._bytes, self._safe_at = 0, time.monotonic()
        await self._source.flush()

    async def _is_idle(self, received: int) -> bool:
        status = await self._source.status()
        # what another recorder of this name held when it ended comes again only after a while
        all_here = status.lag is not None and status.lag <= len(self._waiting)
        idle = not received and status.connected and status.subscribed and all_here
        return self._idleness.observe(idle=idle, now=time.monotonic())
