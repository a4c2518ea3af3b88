"""What every long-running verb does first, and how it shows that it works."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from config import Settings, load
from consumer.cli.output import print_json, print_table, progress
from consumer.identities import bus_of, database_of
from consumer.pipeline.tally import FATES
from consumer.service import Service
from consumer.telemetry.logs import configure_logs
from consumer.telemetry.metrics import configure_metrics
from consumer.telemetry.traces import configure_traces, shutdown_traces


def settings() -> Settings:
    """The settings of this process, with its logs set up; raises ConfigError."""
    loaded = load()
    configure_logs(loaded.telemetry)
    return loaded


@asynccontextmanager
async def telemetry(loaded: Settings, source: str) -> AsyncIterator[None]:
    """Metrics and traces of a run over `source` while the context lasts."""
    configure_metrics()
    configure_traces(loaded.telemetry, bus_of(loaded, source), database_of(loaded))
    # What start-up made lives as long as the process: the collector need not look at it again.
    gc.freeze()
    try:
        yield
    finally:
        await asyncio.to_thread(shutdown_traces)


@asynccontextmanager
async def shown(title: str, done: Callable[[], int], total: int | None) -> AsyncIterator[None]:
    """A progress bar on a terminal while the context lasts; `done` is asked ten times a second."""
    with progress() as bar:
        task = bar.add_task(title, total=total)

        async def follow() -> None:
            while True:
                bar.update(task, completed=done())
                await asyncio.sleep(0.1)

        following = asyncio.create_task(follow())
        try:
            yield
        finally:
            following.cancel()
            bar.update(task, completed=done())


def print_summary(service: Service, *, as_json: bool) -> None:
    """What became of every record, dataset by dataset."""
    rows = dict(sorted(service.pipeline.tally.by_dataset().items()))
    if as_json:
        print_json({"run_id": service.run_id, "datasets": rows})
        return
    columns = [fate for fate in FATES if fate in _ALWAYS or any(row[fate] for row in rows.values())]
    total = {fate: sum(row[fate] for row in rows.values()) for fate in columns}
    lines = [[name, *(row[fate] for fate in columns)] for name, row in rows.items()]
    print_table("", ["dataset", *columns], [*lines, ["all", *total.values()]])


_ALWAYS = ("received", "stored", "duplicate", "stale", "dead_lettered")
