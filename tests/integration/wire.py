"""A wire between a client and a server that can be cut the nasty way: nobody is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class Wire:
    """Listens on `port` and passes everything on to a server on this machine.

    After `cut` what goes through the connections of before is swallowed, without an end or an error, as
    when a router forgets them; new connections work.
    """

    port: int

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._cut = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """From now on the connections that stand are dead."""
        self._cut.set()
        self._cut = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        for pair in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(_pass_on(*pair, self._cut))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event) -> None:
    try:
        with suppress(OSError):
            while block := await reader.read(65536):
                if not cut.is_set():
                    writer.write(block)
                    await writer.drain()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
