"""`tapestore demo`: the whole job in half a minute, without a server."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from config import Settings, load
from consumer.cli.consume import print_summary, summary, telemetry
from consumer.cli.exits import Exit
from consumer.cli.output import note, print_json, say
from consumer.cli.progress import shown
from consumer.pipeline.tally import Fate
from consumer.running import run
from consumer.service import Service
from consumer.simulator.faults import Faults
from consumer.simulator.market import Market
from consumer.sources.memory import END, MemoryBus, MemorySource
from consumer.stores import store_of
from consumer.telemetry.logs import configure_logs
from storage import OperatorError
from storage.adapters.base import Document
from storage.times import EPOCH, FOREVER


def demo(
    path: Annotated[Path | None, typer.Option("--path", help="Folder to write to; by default a new one.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1_000_000, help="Messages.")] = 20_000,
    symbols: Annotated[int, typer.Option("--symbols", min=1, max=100, help="Symbols.")] = 2,
    seed: Annotated[int, typer.Option("--seed", help="The same seed is the same market.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Record a simulated market, and check every document.

    All kinds of messages go through the real pipeline into Parquet files and SQLite, and every kind of trouble:
    a gap, duplicates, trades of one millisecond, late candle updates, disorder, conflicts, broken messages. At the
    end each document is held against the simulator's own truth; exit 1 when one differs. It needs no server.

    \b
    Examples:
      tapestore demo
      tapestore demo --count 200000 --symbols 10 --path /tmp/demo
    """
    folder = path or Path("data") / "demo" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    _make(folder)
    told = {"STORE": "local", "LOCAL_PATH": str(folder), "MARKET": "demo", "BATCH_MAX_AGE_SECONDS": "1"}
    loaded = load(told | {"LOG_LEVEL": "ERROR"})
    configure_logs(loaded.telemetry)
    showing = _Demo(loaded, Market(seed, symbols, Faults.parse(["all"])), count)
    if not as_json:
        note(f"A simulated market of all kinds, and every kind of trouble, into {folder}")
    asyncio.run(showing.run())
    print_json(showing.as_json()) if as_json else showing.print()
    raise typer.Exit(Exit.CHECK_FAILED if showing.differences else Exit.OK)


def _make(folder: Path) -> None:
    """A place that cannot be one is told before anything begins."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "give a folder that this user can write, with --path"
        raise OperatorError(f"no folder {folder}: {error.strerror}", fix=fix) from error


class _Demo:
    """One run over a simulated market, and what came of it."""

    def __init__(self, settings: Settings, market: Market, count: int) -> None:
        self.differences: list[str] = []
        self._settings = settings
        self._market = market
        self._count = count
        self._bus = MemoryBus(max_messages=10_000, remember=False)
        self._seconds = 0.0

    async def run(self) -> None:
        """Record everything, then compare."""
        source, began = MemorySource(self._bus), time.monotonic()
        async with telemetry(self._settings, source.name):
            self._service = Service(self._settings, source)
            async with shown("recording", lambda: self._service.pipeline.received, self._count):
                publishing = asyncio.create_task(self._publish())
                await run(self._service, serve=False)
                await publishing
        self._seconds = time.monotonic() - began
        self.differences = list(self._market.truth.differences(await self._documents()))

    async def _publish(self) -> None:
        for _ in range(self._count):
            message = next(self._market)
            await self._bus.publish(
                message.data, subject=message.subject, headers=message.headers or None, time_ms=message.time_ms
            )
        self._bus.put(END)

    async def _documents(self) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {}
        async with store_of(self._settings, read_only=True) as store, shown("checking datasets", lambda: len(found)):
            for name in await store.list_collections():
                found[name] = [document async for document in store.query_range(name, EPOCH, FOREVER)]
        return found

    @property
    def _stored(self) -> int:
        return sum(map(len, self._market.truth.documents.values()))

    @property
    def _replaced(self) -> int:
        """Records that were stored and are no documents any more; a version that is older from the start is stale."""
        return self._service.pipeline.tally.total(Fate.STORED) - self._stored

    @property
    def _withheld(self) -> int:
        return sum(map(len, self._market.truth.missing.values()))

    def as_json(self) -> dict[str, object]:
        """The summary for programs."""
        return {
            "path": self._settings.local.path,
            "messages": self._market.truth.messages,
            "documents": self._stored,
            "withheld_by_the_gap": self._withheld,
            "differences": self.differences,
            "datasets": summary(self._service),
        }

    def print(self) -> None:
        """The summary for people."""
        print_summary(self._service, as_json=False)
        say(
            f"\n{self._market.truth.messages:,} messages in {self._seconds:.1f} s, {self._stored:,} documents. "
            "Each was held against what the simulator sent:"
        )
        if self.differences:
            say(f"{len(self.differences):,} are not as they must be, such as: {self.differences[0]}", "bold red")
        else:
            say("not one is missing, not one is different.", "bold green")
        self._print_troubles()
        self._print_ways()

    def _print_troubles(self) -> None:
        tally = self._service.pipeline.tally
        lines = (
            (tally.total(Fate.DUPLICATE), "duplicates", "sent again, stored once"),
            (tally.total(Fate.STALE), "stale", "older versions of candles and funding rates: the newest stays"),
            (self._replaced, "replaced", "stored, until a newer version of the candle took their place"),
            (tally.total(Fate.CONFLICT), "conflicts", "a known key with other content: both are kept"),
            (tally.total(Fate.DEAD_LETTERED), "dead letters", "broken messages, kept with their bytes and the reason"),
            (self._withheld, "never sent", "a gap in the feed: to find it will be the audit's job"),
        )
        say("\nThe trouble on the way", "bold")
        for number, name, meaning in lines:
            say(f"  {number:>7,} {name:<13} {meaning}")

    def _print_ways(self) -> None:
        path, program = self._settings.local.path, _program()
        say("\nWhere it is", "bold")
        say(f"  Parquet files  {path / 'market'}\n  Metadata       {path / 'metadata.sqlite'}")
        say("\nWhat to try next", "bold")
        say(f"  export STORE=local LOCAL_PATH={quote(str(path))}")
        for words in (
            "query trades BTCUSDT --latest 5",
            "query candles BTCUSDT --timeframe 1m --limit 3",
            "dlq list --limit 5",
            "verify",
        ):
            say(f"  {program} {words}")


def _program() -> str:
    """How this command can be called again from here."""
    called = Path(sys.argv[0])
    return "tapestore" if shutil.which("tapestore") or called.name != "tapestore" else quote(str(called))
