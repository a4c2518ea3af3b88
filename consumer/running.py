"""A service in its process: signals end it, HTTP shows it, the heartbeat tells whether it lives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from consumer.api.listener import listen
from consumer.gauges import observe
from consumer.service import Service
from consumer.signals import stop_on_signal
from consumer.snapshots import ServiceSnapshots
from consumer.telemetry import events
from consumer.telemetry.heartbeat import beating


async def run(service: Service, *, until_idle: float | None = None, serve: bool = True) -> int:
    """Consume until the end; returns how many records were left to the bus.

    Raises what cannot be waited for: AddressRefused for the port, OperatorError for a local store that
    another process writes, SourceRefused for a file that cannot be read.
    """
    observe(service)
    async with AsyncExitStack() as stack:
        stack.enter_context(stop_on_signal(service.stop))
        await stack.enter_async_context(beating(service.heartbeat))
        if serve:
            http = service.settings.http
            await stack.enter_async_context(_answering(service, listen(http.host, http.port)))
        left = await service.run(until_idle)
    events.service_stopped(left)
    return left


@asynccontextmanager
async def _answering(service: Service, listener: socket.socket) -> AsyncIterator[None]:
    """Answer over HTTP until the context ends; a server that ends by itself ends the service, and is raised then."""
    over = asyncio.Event()
    answering = asyncio.create_task(_answer(service, listener, over), name="answering")
    answering.add_done_callback(lambda _: service.stop() if not over.is_set() else None)
    try:
        yield
    finally:
        over.set()
        await answering


async def _answer(service: Service, listener: socket.socket, over: asyncio.Event) -> None:
    """Messages come first: what answers is imported once they flow (see consumer.api)."""
    with closing(listener):
        await service.under_way()
        if over.is_set():
            return
        from consumer.api.app import build
        from consumer.api.server import serve

        async with serve(build(ServiceSnapshots(service)), listener):
            await over.wait()
