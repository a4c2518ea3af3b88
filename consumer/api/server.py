"""The HTTP server inside our event loop: it leaves signals alone and its log is our log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from consumer.telemetry import events

MAX_CONNECTIONS = 256
"""More at the same time are answered 503."""


@asynccontextmanager
async def serve(app: Starlette, listener: socket.socket) -> AsyncIterator[int]:
    """Serve while the context lasts, and close the listener then; gives its port.

    Ends within about a second, whatever clients do.
    """
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await _until_started(server, task)
        host, port = listener.getsockname()[:2]
        events.http_listening(host, port)
        yield port
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: SIGTERM belongs to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _until_started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            raise RuntimeError("the HTTP server ended before it began") from task.exception()
        await asyncio.sleep(0.01)
