"""The real service, killed by SIGKILL at one point: `python -m tests.end_to_end.doomed MOMENT PLACE NTH`.

Store and source are the real ones; only the call that reaches the point for the nth time never comes back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn

from config import load
from consumer.running import run
from consumer.service import Service
from consumer.sources import open_source
from consumer.telemetry.logs import configure_logs
from storage.metadata import MetadataDatabase
from storage.repositories.lineage import LineageRepository

Call = Callable[..., Awaitable[Any]]
POLL_SECONDS = 0.02


def kill() -> NoReturn:
    """End this process as if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives that")


def doom(service: Service, moment: str, place: str, nth: int) -> None:
    """Arrange the end of this process: before, during or after the nth write, letter or settlement."""
    owner, name = {
        "write": (service.store, "put"),
        "letter": (service.store.dead_letters, "put"),
        "settlement": (service.source, "flush"),
    }[place]
    call, left = getattr(owner, name), nth

    async def counted(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            await die(service, moment, partial(call, *arguments))
        return await call(*arguments)

    setattr(owner, name, counted)


async def die(service: Service, moment: str, call: Call) -> NoReturn:
    """Die before, during or after the call."""
    match moment:
        case "before":
            await lineage_is_open(service)
        case "during":
            asyncio.get_running_loop().call_soon(kill)  # its turn comes when the call waits for the first time
            await call()
        case "after":
            await call()
    kill()


async def lineage_is_open(service: Service) -> None:
    """Wait until the metadata knows that this run has received something that has not ended."""
    while service.metadata.problem:  # noqa: ASYNC110 - a fact of the service, no event
        await asyncio.sleep(POLL_SECONDS)
    async with MetadataDatabase(service.settings.metadata_url.get_secret_value()) as database:
        totals = partial(LineageRepository(database).totals, service.run_id)
        while not any(total.difference for total in await totals()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)


def main(moment: str, place: str, nth: str) -> None:
    settings = load()
    configure_logs(settings.telemetry)
    service = Service(settings, open_source(settings))
    doom(service, moment, place, int(nth))
    asyncio.run(run(service, serve=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
