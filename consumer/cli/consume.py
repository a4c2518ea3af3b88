"""The whole job, as the verbs that consume share it: a service over a source, progress, and a summary."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from config import Settings
from consumer.cli.exits import Exit
from consumer.cli.output import note, print_json
from consumer.cli.progress import shown
from consumer.cli.tables import print_table
from consumer.identities import bus_of, database_of
from consumer.pipeline.tally import FATES
from consumer.running import run
from consumer.service import Service
from consumer.sources.base import Source
from consumer.stores import store_of
from consumer.telemetry.metrics import configure_metrics
from consumer.telemetry.traces import configure_traces, shutdown_traces

COLLECT_AFTER = 200_000
"""So many containers more than were there: four times what the budget in flight makes, which is no garbage. At 50,000
the collector looked through all that was on its way: an eighth of file → Parquet."""
_ALWAYS = ("received", "stored", "duplicate", "stale", "dead_lettered")


async def consume(
    loaded: Settings, source: Source, *, until_idle: float | None, as_json: bool, strict: bool = False
) -> Exit:
    """Consume a bus, whatever is missing at the start, and answer over HTTP; a summary when there is an end to it."""
    async with telemetry(loaded, source.name):
        service = Service(loaded, source, strict=strict)
        async with shown(f"consuming {source.destination}", lambda: service.pipeline.received):
            left = await run(service, until_idle=until_idle)
    if as_json or until_idle is not None:
        print_summary(service, as_json=as_json)
    return _exit(left)


async def replay(
    loaded: Settings, source: Source, *, total: int | None = None, result: Callable[[Service], None]
) -> Exit:
    """Send what a bounded source has through the pipeline, then let `result` print what became of it.

    What is not there at the start is an error; what goes away later is waited for.
    """
    await _answers(loaded)
    async with telemetry(loaded, source.name):
        service = Service(loaded, source, transformation="replay")
        async with shown(f"replaying {source.destination}", lambda: service.pipeline.received, total):
            left = await run(service, serve=False)
    result(service)
    return _exit(left)


async def _answers(loaded: Settings) -> None:
    if loaded.store.kind != "local":  # files are there, or the service says so itself
        async with store_of(loaded, read_only=True):
            pass


@asynccontextmanager
async def telemetry(loaded: Settings, source: str) -> AsyncIterator[None]:
    """Metrics and traces of a run over `source` while the context lasts."""
    configure_metrics()
    configure_traces(loaded.telemetry, bus_of(loaded, source), database_of(loaded))
    # What start-up made lives as long as the process: the collector need not look at it again. What messages make
    # is gone when they are settled: looking among them after each 700 new ones cost an eighth of the flow.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    try:
        yield
    finally:
        await asyncio.to_thread(shutdown_traces)


def print_summary(service: Service, *, as_json: bool) -> None:
    """What became of every record, dataset by dataset."""
    rows = summary(service)
    if as_json:
        print_json({"run_id": service.run_id, "datasets": rows})
        return
    columns = [fate for fate in FATES if fate in _ALWAYS or any(row[fate] for row in rows.values())]
    lines = [[name, *(row[fate] for fate in columns)] for name, row in rows.items()]
    total = ["all", *(sum(row[fate] for row in rows.values()) for fate in columns)]
    print_table(["dataset", *(fate.replace("_", " ") for fate in columns)], [*lines, total], total=True)


def summary(service: Service) -> dict[str, dict[str, int]]:
    """The counts of each dataset, by name."""
    return dict(sorted(service.pipeline.tally.by_dataset().items()))


def _exit(left: int) -> Exit:
    if left:
        note(f"{left:,} records were not finished in time: they are still on the bus, for the next run.")
        return Exit.CHECK_FAILED
    return Exit.OK
