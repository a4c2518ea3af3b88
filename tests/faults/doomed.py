"""The real service, killed by SIGKILL at a named stage: `python -m tests.faults.doomed STAGE SEED [VARIANT]`.

Store and source are the real ones; only the step that reaches the stage for the nth time never comes back, and
the seed decides which time that is. A VARIANT breaks a promise on purpose: see tests/faults/broken.py.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial, wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import Any, NoReturn

from config import load
from consumer.cli.app import main as tapestore
from consumer.cli.consume import telemetry
from consumer.decode import Decoder
from consumer.pipeline.tally import Counts
from consumer.running import run
from consumer.service import Service
from consumer.sources import open_source
from consumer.sources.kafka_sorted import Sorted
from consumer.telemetry.logs import configure_logs
from storage.metadata import MetadataDatabase
from storage.repositories.lineage import LineageRepository
from tests.faults.broken import VARIANTS

POLL_SECONDS = 0.02
OPEN_SECONDS = 10
Step = Callable[[], Awaitable[Any]]


class Fate:
    """When it happens: at the nth time, and where it happens within a step, so many seconds after its begin."""

    def __init__(self, seed: int, most: int) -> None:
        chance = random.Random(seed)
        self._left = chance.randint(1, most)
        self.seconds = chance.uniform(0, 0.01)

    def strikes(self) -> bool:
        """Count one more; whether this is the one."""
        self._left -= 1
        return self._left == 0


def kill() -> NoReturn:
    """End this process as if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives that")


def after(owner: object, name: str, fate: Fate) -> None:
    """Die when a call has done its work, or one turn of it; one that comes back with nothing does not count."""
    call = getattr(owner, name)

    @wraps(call)
    def done(*arguments: Any) -> Any:
        return survived(call(*arguments))

    @wraps(call)
    async def awaited(*arguments: Any) -> Any:
        return survived(await call(*arguments))

    def survived(result: Any) -> Any:
        if not _is_nothing(result) and fate.strikes():
            kill()
        return result

    @wraps(call)
    def each(*arguments: Any) -> Any:
        return map(survived, call(*arguments))

    ways = ((iscoroutinefunction, awaited), (isgeneratorfunction, each))
    setattr(owner, name, next((way for fits, way in ways if fits(call)), done))


def _is_nothing(result: Any) -> bool:
    return isinstance(result, Sequence) and not len(result)


def after_decoding(fate: Fate) -> None:
    """Die when messages were looked into, usual ones together or another one by itself."""
    after(Decoder, "read", fate)
    after(Decoder, "decode", fate)


def during(owner: object, name: str, fate: Fate) -> None:
    """Die while a call is under way; at its end when it was quicker."""

    async def cut_off(step: Step) -> None:
        threading.Timer(fate.seconds, kill).start()  # a thread: a loop that is busy would be late
        await step()
        kill()

    instead(owner, name, fate, cut_off)


def instead(owner: object, name: str, fate: Fate, end: Callable[[Step], Awaitable[None]]) -> None:
    """Let the nth call be another one."""
    call = getattr(owner, name)

    async def counted(*arguments: Any) -> Any:
        if fate.strikes():
            await end(partial(call, *arguments))
        return await call(*arguments)

    setattr(owner, name, counted)


def on_disk(event: str, name: str, ending: str, fate: Fate) -> None:
    """Die when the operating system is asked to touch a file of that name."""

    def look(happens: str, arguments: tuple[object, ...]) -> None:
        if happens == event and name in (path := str(arguments[0])) and path.endswith(ending) and fate.strikes():
            kill()

    sys.addaudithook(look)


def before_a_settlement(service: Service, fate: Fate) -> None:
    """Die before the bus hears of what is stored, and after the lineage has heard of what is open."""

    async def end(_: Step) -> None:
        vars(service.store)["put"] = _never  # what is not written yet stays open
        with suppress(TimeoutError):  # all had been written: then it is a kill like any other
            async with asyncio.timeout(OPEN_SECONDS):
                await lineage_is_open(service)
        kill()

    instead(service.source, "flush", fate, end)


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


async def lineage_is_open(service: Service) -> None:
    """Wait until the metadata knows that this run has received something that has not ended."""
    while service.metadata.problem:  # noqa: ASYNC110 - a fact of the service, no event
        await asyncio.sleep(POLL_SECONDS)
    async with MetadataDatabase(service.settings.metadata_url.get_secret_value()) as database:
        totals = partial(LineageRepository(database).totals, service.run_id)
        while not any(total.difference for total in await totals()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)


def in_a_drain(service: Service, fate: Fate) -> None:
    """Ask it to stop in the middle of the work, and die while it drains."""

    async def stop(_: Step) -> None:
        service.stop()

    instead(service.source, "flush", fate, stop)
    during(service.pipeline, "drain", Fate(0, 1))


STAGES: dict[str, Callable[[Service, int], None]] = {
    "after fetch": lambda service, seed: after(service.source, "receive", Fate(seed, 4)),
    "after decode": lambda _, seed: after_decoding(Fate(seed, 60)),
    "mid-buffer": lambda _, seed: after(Counts, "receive", Fate(seed, 60)),
    "before a write": lambda service, seed: instead(service.store, "put", Fate(seed, 15), _die),
    "mid-bulk": lambda service, seed: during(service.store, "put", Fate(seed, 15)),
    "after store, before settle": lambda service, seed: after(service.store, "put", Fate(seed, 15)),
    "before settle, lineage open": lambda service, seed: before_a_settlement(service, Fate(seed, 10)),
    "after settle, before lineage": lambda service, seed: after(service.source, "flush", Fate(seed, 15)),
    "mid dead letter": lambda service, seed: during(service.store.dead_letters, "put", Fate(seed, 1)),
    "mid spool write": lambda _, seed: on_disk("os.rename", "lineage-", ".tmp", Fate(seed, 3)),
    "mid Parquet file": lambda _, seed: on_disk("open", "", ".parquet.tmp", Fate(seed, 15)),
    "after a Parquet file": lambda _, seed: on_disk("os.rename", "", ".parquet.tmp", Fate(seed, 15)),
    "mid drain": lambda service, seed: in_a_drain(service, Fate(seed, 10)),
    "while sorted": lambda _, seed: after(Sorted, "take", Fate(seed, 40)),
    "never": lambda service, seed: None,
    "stalled": lambda service, seed: instead(service.store, "put", Fate(seed, 10), stall),
}
COMPACTION = "mid compaction"


STALL_SECONDS = 12


async def stall(_: Step) -> None:
    """Nothing else in this process gets its turn, longer than the watchdog of /livez waits."""
    time.sleep(STALL_SECONDS)  # noqa: ASYNC251 - that is the fault


async def _die(_: Step) -> None:
    kill()


def main(stage: str, seed: str, variant: str = "") -> None:
    """Run until the stage is reached."""
    if stage == COMPACTION:
        on_disk(*random.Random(seed).choice(_COMPACTING), Fate(int(seed), 4))
        tapestore(["compact"])
    settings = load()
    configure_logs(settings.telemetry)
    service = Service(settings, open_source(settings))
    if variant:
        VARIANTS[variant](service)
    STAGES[stage](service, int(seed))
    asyncio.run(live(service))


async def live(service: Service) -> None:
    """As `tapestore run` does it."""
    async with telemetry(service.settings, service.source.name):
        await run(service, serve=service.settings.http.port != 0)


_COMPACTING = (("open", "", ".parquet.tmp"), ("os.rename", "", ".parquet.tmp"), ("os.remove", "", ".parquet"))

if __name__ == "__main__":
    main(*sys.argv[1:])
