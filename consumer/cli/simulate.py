"""`tapestore simulate`: a seeded market of all kinds, sent to a bus or into a file."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import UsageError
from consumer.cli.output import ERR, print_json
from consumer.cli.start import settings, shown
from consumer.simulator.envelope import subject_for
from consumer.simulator.faults import USUAL, Faults
from consumer.simulator.kinds import KINDS
from consumer.simulator.market import Market
from consumer.simulator.publish import publish
from consumer.simulator.publishers import open_publisher
from consumer.simulator.truth_file import write_truth


def simulate(
    to: Annotated[str, typer.Option("--to", metavar="BUS|FILE", help="jetstream, nats, kafka, or a file name.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Messages.")] = 10_000,
    symbols: Annotated[int, typer.Option("--symbols", min=1, help="Symbols.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="The same seed is the same market.")] = 0,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="Messages a second at most.")] = None,
    faults: Annotated[
        str, typer.Option("--faults", metavar="NAMES", help=f"all, or some of {', '.join(USUAL)}, each with =SHARE.")
    ] = "",
    kinds: Annotated[str, typer.Option("--kinds", metavar="NAMES", help=f"Some of {', '.join(KINDS)}.")] = "",
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Write what a store must contain at the end to this file.")
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make the stream or topic first, to try things out.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was sent as JSON.")] = False,
) -> None:
    """Send a simulated market: every kind of message, the same for the same seed.

    Bus, subject and topic are those of the settings. A file is captured messages: `.gz` and `.zst` compress.

        tapestore simulate --to jetstream --create --count 20000 --faults all
        tapestore simulate --to tape.jsonl.zst --seed 7 --faults gap,duplicates=0.05
    """
    chosen = tuple(name for name in kinds.split(",") if name) or tuple(KINDS)
    unknown = [name for name in chosen if name not in KINDS]
    if unknown:
        raise UsageError(f"no kind is called {', '.join(unknown)}; known are {', '.join(KINDS)}")
    loaded = settings()
    subject = subject_for(loaded.nats.subject)
    market = Market(seed, symbols, _faults(faults), kinds=chosen, subject=subject, keep_truth=truth is not None)
    sent = asyncio.run(_simulate(loaded, market, to, count, rate, create=create))
    if truth is not None:
        write_truth(market.truth, truth)
    if as_json:
        print_json({"to": to, "messages": sent, "seed": seed})
    else:
        ERR.print(f"{sent:,} messages sent to {to}.", highlight=False)


def _faults(text: str) -> Faults:
    try:
        return Faults.parse([word.strip() for word in text.split(",") if word.strip()])
    except ValueError as error:
        raise UsageError(str(error)) from None


async def _simulate(loaded: Settings, market: Market, to: str, count: int, rate: float | None, *, create: bool) -> int:
    sent = 0

    def tell(so_far: int) -> None:
        nonlocal sent
        sent = so_far

    async with open_publisher(to, loaded, create=create) as publisher, shown(f"sending to {to}", lambda: sent, count):
        return await publish(islice(market, count), publisher, rate=rate, progress=tell)
