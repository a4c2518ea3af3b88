"""To a file of captured messages, plain or compressed by its ending."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from consumer.errors import SourceRefused
from consumer.messages import Message
from consumer.simulator.envelope import Simulated
from consumer.sources.capture import CaptureWriter


class FilePublisher:
    """Appends to a capture; `publish` returns when the messages are on the disk."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._written = 0

    async def publish(self, messages: Sequence[Simulated]) -> None:
        try:
            await asyncio.to_thread(self._write, messages)
        except OSError as error:
            raise _refused(error) from error

    def _write(self, messages: Sequence[Simulated]) -> None:
        for message in messages:
            self._written += 1
            headers = message.headers or None
            self._writer.write(
                Message(message.data, "simulator", "", self._written, message.subject, headers, message.time_ms)
            )
        self._writer.flush()


@asynccontextmanager
async def to_file(path: Path) -> AsyncIterator[FilePublisher]:
    """A publisher to a new file; raises SourceRefused when it is there already or cannot be made."""
    try:
        writer = CaptureWriter(path)
    except OSError as error:
        raise _refused(error) from error
    with writer:
        yield FilePublisher(writer)


def _refused(error: OSError) -> SourceRefused:
    fix = "choose another name, or remove it" if isinstance(error, FileExistsError) else "choose another place"
    return SourceRefused(f"{error.filename or 'the capture'}: {error.strerror}", fix=fix)
