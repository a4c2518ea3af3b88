"""`tapestore demo`: the whole job in half a minute, without a server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config import Settings, load
from consumer.cli.exits import Exit
from consumer.cli.output import OUT, print_json
from consumer.cli.start import print_summary, shown, telemetry
from consumer.service import Service
from consumer.simulator.faults import Faults
from consumer.simulator.market import Market
from consumer.sources.memory import END, MemoryBus, MemorySource
from consumer.stores import store_of
from consumer.telemetry.logs import configure_logs
from storage.adapters.base import Document
from storage.times import EPOCH, FOREVER


def demo(
    path: Annotated[Path | None, typer.Option("--path", help="Folder to write to; by default a new one.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1_000_000, help="Messages.")] = 20_000,
    symbols: Annotated[int, typer.Option("--symbols", min=1, max=100, help="Symbols.")] = 2,
    seed: Annotated[int, typer.Option("--seed", help="The same seed is the same market.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Record a simulated market of all kinds into Parquet files and SQLite.

    With a gap, duplicates, trades of one millisecond, late candle updates, disorder, conflicts and broken messages
    in it. At the end every document is held against the simulator's own truth; exit 1 when one differs.
    """
    folder = path or Path("data") / "demo" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    told = {"STORE": "local", "LOCAL_PATH": str(folder), "MARKET": "demo", "BATCH_MAX_AGE_SECONDS": "1"}
    loaded = load(told | {"LOG_LEVEL": "ERROR"})
    configure_logs(loaded.telemetry)
    raise typer.Exit(asyncio.run(_demo(loaded, Market(seed, symbols, Faults.parse(["all"])), count, as_json=as_json)))


async def _demo(loaded: Settings, market: Market, count: int, *, as_json: bool) -> Exit:
    bus = MemoryBus(max_messages=10_000, remember=False)
    source = MemorySource(bus)
    async with telemetry(loaded, source.name):
        service = Service(loaded, source)
        async with shown("recording", lambda: service.pipeline.received, count):
            publishing = asyncio.create_task(_publish(market, bus, count))
            await service.run(serve=False)
            await publishing
    differences = list(market.truth.differences(await _documents(loaded)))
    _print(service, market, differences, as_json=as_json)
    return Exit.CHECK_FAILED if differences else Exit.OK


async def _publish(market: Market, bus: MemoryBus, count: int) -> None:
    for _ in range(count):
        message = next(market)
        await bus.publish(
            message.data, subject=message.subject, headers=message.headers or None, time_ms=message.time_ms
        )
    bus.put(END)


async def _documents(loaded: Settings) -> dict[str, list[Document]]:
    async with store_of(loaded, read_only=True) as store:
        return {
            name: [document async for document in store.query_range(name, EPOCH, FOREVER)]
            for name in await store.list_collections()
        }


def _print(service: Service, market: Market, differences: list[str], *, as_json: bool) -> None:
    path, truth = service.settings.local.path, market.truth
    stored = sum(len(documents) for documents in truth.documents.values())
    missing = sum(len(ids) for ids in truth.missing.values())
    if as_json:
        print_json({
            "path": path,
            "messages": truth.messages,
            "documents": stored,
            "withheld_by_the_gap": missing,
            "differences": differences,
            "datasets": service.pipeline.tally.by_dataset(),
        })  # fmt: skip
        return
    print_summary(service, as_json=False)
    verdict = f"{len(differences)} differ, such as: {differences[0]}" if differences else "not one missing or different"
    OUT.print(
        f"\n{truth.messages:,} messages, {stored:,} documents held against the simulator's truth: {verdict}.\n"
        f"{missing:,} documents were never sent: the gap in the feed. Telling it is the audit's job.\n\n"
        f"Parquet files   {path / 'market'}\n"
        f"Metadata        {path / 'metadata.sqlite'}\n\n"
        "What to try next:\n"
        f"  export LOCAL_PATH={path}\n"
        "  tapestore query trades BTCUSDT --limit 5\n"
        "  tapestore query candles BTCUSDT --timeframe 1m --latest 3\n"
        "  tapestore dlq list\n"
        "  tapestore verify",
        highlight=False,
        markup=False,
    )
