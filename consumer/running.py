"""A service in its process: signals end it, HTTP shows it, the heartbeat tells whether it lives."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack

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
            await stack.enter_async_context(_answering(service))
        left = await service.run(until_idle)
    events.service_stopped(left)
    return left


def _answering(service: Service) -> AbstractAsyncContextManager[int]:
    from consumer.api.app import build  # see consumer.api
    from consumer.api.server import serve

    http = service.settings.http
    return serve(build(ServiceSnapshots(service)), http.host, http.port)
