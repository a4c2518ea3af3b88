"""Captured messages from files: JSON lines, plain, gzip or zstd."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from consumer.errors import SourceRefused
from consumer.messages import Delivery, Settlement
from consumer.sources.ahead import Ahead, Lines
from consumer.sources.aside import aside
from consumer.sources.base import EndOfSource, Source, SourceStatus
from consumer.sources.file_channel import FileChannel
from consumer.sources.file_progress import FileProgress
from consumer.sources.lines import blocks_of_lines
from consumer.sources.watermark import Watermark

WAIT_SECONDS = 1.0
SAVE_SECONDS = 1.0
CLOSE_SECONDS = 5.0
AHEAD_BYTES = 1 * 1024 * 1024
HEADER_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Reading:
    """How far one file is: the last line that was read, and which of them wait to be settled."""

    last: int = 0
    waiting: Watermark = field(default_factory=Watermark)

    @property
    def settled(self) -> int:
        first = self.waiting.first
        return self.last if first is None else first - 1


class FileSource(Source):
    """Every line of each file, one file after another, then the end.

    The partition is the file as it was given, the offset the number of the line; empty lines are none. A
    line that cannot be a message of `max_message_bytes`, nor its capture line (at most 1.5 times as long, and
    headers), is delivered cut, still longer than that, so that it is refused as too large. With
    `resume_path` the settled beginning of each file is kept there and left out the next time, else
    everything is read from the start. What was given back comes again only then. Opening raises
    SourceRefused when a file is not there; receiving does when one turns out to be broken, after all that
    precedes the damage.
    """

    name: ClassVar[str] = "file"
    bounded: ClassVar[bool] = True

    def __init__(
        self,
        files: Sequence[str | Path],
        *,
        max_message_bytes: int = 8 * 1024 * 1024,
        resume_path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = ", ".join(map(str, files))
        self._readings = {str(file): _Reading() for file in files}
        self._max_line_bytes = 2 * max_message_bytes + HEADER_BYTES
        self._progress = FileProgress(resume_path) if resume_path is not None else None
        self._clock = clock
        self._next_save = clock() + SAVE_SECONDS
        self._ahead = Ahead()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._problem = ""

    async def open(self) -> None:
        if not self._readings:
            raise SourceRefused("there are no files to read", fix="name them, in REPLAY_FILES for `run`")
        for name in self._readings:
            _refuse_unreadable(Path(name))
        self._task = asyncio.create_task(self._read(), name="file source")
        self._task.add_done_callback(lambda _: self._ahead.wake())

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if self._ahead or not self._ended:
            taken = await self._ahead.take(max_messages, max_bytes, WAIT_SECONDS)
            self._room.set()
            if taken is not None:
                return FileChannel(self.name, taken.file, self).run(taken.numbered)
            if not self._ended:
                return []
        if self._task is not None:
            self._task.result()
        raise EndOfSource

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        by_file: dict[str, list[int]] = {}
        for delivery in deliveries:
            by_file.setdefault(delivery.message.partition, []).append(delivery.message.offset)
        for file, numbers in by_file.items():
            self.settled_lines(file, numbers, deliveries[0].settlement or Settlement.LATER)

    def settled_lines(self, file: str, numbers: Sequence[int], settlement: Settlement) -> None:
        if settlement is not Settlement.LATER:
            self._readings[file].waiting.settle(*numbers)

    async def flush(self) -> None:
        if self._clock() >= self._next_save:
            self._save()

    async def status(self) -> SourceStatus:
        here = self._task is not None and not self._closed
        return SourceStatus(
            connected=here,
            subscribed=here,
            lag=sum(len(reading.waiting) for reading in self._readings.values()) if self._ended else None,
            problem=self._problem,
            details={name: reading.last for name, reading in self._readings.items()},
        )

    async def close(self) -> None:
        self._closed = True
        self._room.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            for task in done:
                task.exception()  # whoever wanted it has received it
            self._save()

    @property
    def _ended(self) -> bool:
        return self._task is None or self._task.done()

    async def _read(self) -> None:
        for name, reading in self._readings.items():
            begun = await asyncio.to_thread(self._begin, Path(name))
            reading.last = begun
            blocks = self._lines(name, begun)
            while not self._closed and (block := await aside(partial(next, blocks, None))) is not None:
                self._take_in(reading, block)
                while self._ahead.bytes >= AHEAD_BYTES and not self._closed:
                    self._room.clear()
                    await self._room.wait()
            blocks.close()

    def _begin(self, path: Path) -> int:
        if self._progress is None or not path.is_file():  # a pipe is read once only
            return 0
        return self._progress.begin(path)

    def _lines(self, name: str, begun: int) -> Generator[Lines]:
        """The lines after the first `begun`, a block at a time; runs in a thread."""
        first = 1
        for lines in blocks_of_lines(Path(name), self._max_line_bytes):
            new = lines[max(0, begun + 1 - first) :]
            first += len(lines)
            if new:
                yield Lines(name, first - len(new), new)

    def _take_in(self, reading: _Reading, block: Lines) -> None:
        reading.last = block.first + len(block.lines) - 1
        reading.waiting.extend(block.numbers)
        self._ahead.put(block)

    def _save(self) -> None:
        if self._progress is None:
            return
        self._next_save = self._clock() + SAVE_SECONDS
        try:
            for name, reading in self._readings.items():
                if reading.last:
                    self._progress.note(Path(name), reading.settled)
            self._progress.save()
            self._problem = ""
        except OSError as error:
            self._problem = f"the place in the files cannot be kept: {error}"


def _refuse_unreadable(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        raise SourceRefused(f"{path}: {error.strerror}", fix="give a file that is there") from error
    if path.is_dir() or not os.access(path, os.R_OK):
        raise SourceRefused(f"{path}: is a folder or cannot be read", fix="give a file that can be read")
