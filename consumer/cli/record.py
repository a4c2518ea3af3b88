"""`tapestore record`: the messages of a bus, as they are, into a file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import UsageError
from consumer.cli.output import ERR
from consumer.cli.start import settings, shown
from consumer.idle import Idleness
from consumer.messages import Settlement
from consumer.signals import stop_on_signal
from consumer.sources import open_source
from consumer.sources.base import EndOfSource, Source
from consumer.sources.capture import CaptureWriter

CHUNK_BYTES = 8 * 1024 * 1024


def record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; .gz and .zst compress.")],
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many messages.")] = None,
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="Stop after so many seconds without a message."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Durable or group of the recorder, so that it takes nothing from `run`.")
    ] = "tapestore-record",
) -> None:
    """Capture messages from the bus, with subject, headers and time, until SIGTERM.

    A message is settled once its line is on the disk. `tapestore replay FILE` sends them through the pipeline.

        tapestore record tape.jsonl.zst --count 100000
    """
    if file.exists():
        raise UsageError(f"{file} is there already; record never overwrites")
    loaded = _as_recorder(settings(), name)
    recorder = _Recorder(open_source(loaded), file, count, until_idle)
    asyncio.run(recorder.run())
    ERR.print(f"{recorder.recorded:,} messages in {file}.", highlight=False)


def _as_recorder(loaded: Settings, name: str) -> Settings:
    """The same bus under another name: a durable or group of its own reads everything by itself."""
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

    async def run(self) -> None:
        """Record until the end."""
        with CaptureWriter(self._file) as writer, stop_on_signal(self._stop):
            async with self._source, shown("recording", lambda: self.recorded, self._count):
                while not self._is_done():
                    await self._copy_chunk(writer)

    def _stop(self) -> None:
        self._stopping = True

    def _is_done(self) -> bool:
        return self._stopping or (self._count is not None and self.recorded >= self._count)

    async def _copy_chunk(self, writer: CaptureWriter) -> None:
        left = 2000 if self._count is None else min(2000, self._count - self.recorded)
        try:
            deliveries = await self._source.receive(left, CHUNK_BYTES)
        except EndOfSource:
            self._stopping = True
            return
        for delivery in deliveries:
            writer.write(delivery.message)
        if deliveries:
            await asyncio.to_thread(writer.flush)
        for delivery in deliveries:
            delivery.settle(Settlement.STORED)
        self.recorded += len(deliveries)
        await self._source.flush()
        status = await self._source.status()
        idle = not deliveries and status.connected and status.subscribed
        self._stopping = self._idleness.observe(idle=idle, now=time.monotonic()) or self._stopping
