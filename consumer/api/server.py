"""The HTTP server inside our event loop: it leaves signals alone and its log is our log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from consumer.errors import AddressRefused
from consumer.telemetry import events

MAX_CONNECTIONS = 256
"""More at the same time are answered 503."""


@asynccontextmanager
async def serve(app: FastAPI, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context lasts; gives the port, which is a free one for port 0.

    Raises AddressRefused when nobody can listen there. Ends within about a second, whatever clients do.
    """
    listener = _listen(host, port)
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
        bound = int(listener.getsockname()[1])
        events.http_listening(host, bound)
        yield bound
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


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise AddressRefused(
            f"cannot serve HTTP on {host}:{port}: {error.strerror or error}",
            fix="set HTTP_HOST and HTTP_PORT to an address of this machine that nobody uses",
        ) from error
    return listener
