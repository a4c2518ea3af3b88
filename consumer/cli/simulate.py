"""`tapestore simulate`: a seeded market of all kinds, sent to a bus or into a file."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import UsageError
from consumer.cli.output import note, print_json
from consumer.cli.progress import shown
from consumer.cli.start import settings
from consumer.simulator.envelope import subject_for
from consumer.simulator.faults import USUAL, Faults
from consumer.simulator.kinds import KINDS
from consumer.simulator.market import Market
from consumer.simulator.publish import publish
from consumer.simulator.publishers import open_publisher
from consumer.simulator.truth_file import write_truth

BUSES = ("jetstream", "nats", "kafka")


def simulate(
    to: Annotated[str, typer.Option("--to", metavar="BUS|FILE", help=f"{', '.join(BUSES)}, or a new file.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Messages.")] = 10_000,
    symbols: Annotated[int, typer.Option("--symbols", min=1, max=10_000, help="Symbols.")] = 10,
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
    """Send a simulated market to a bus or into a file.

    Every kind of message, the same for the same seed. Bus, subject and topic are those of the settings; a file
    becomes a new one of captured messages, compressed when it ends in .gz or .zst.

    \b
    Examples:
      tapestore simulate --to jetstream --create --count 20000 --faults all
      tapestore simulate --to kafka --rate 500 --count 30000 --kinds trade,kline
      tapestore simulate --to tape.jsonl.zst --seed 7 --faults gap,duplicates=0.05
    """
    chosen, troubles = _kinds(kinds), _faults(faults)
    _check_place(to)
    _check_truth(truth)
    loaded = settings()
    subject = subject_for(loaded.nats.subject)
    _check_subject(to, loaded.nats.subject)
    market = Market(seed, symbols, troubles, kinds=chosen, subject=subject, keep_truth=truth is not None)
    sent = asyncio.run(_simulate(loaded, market, to, count, rate, create=create))
    if truth is not None:
        write_truth(market.truth, truth)
    if as_json:
        print_json({"to": to, "messages": sent, "seed": seed})
    else:
        note(f"{sent:,} messages sent to {to}.")


def _check_place(to: str) -> None:
    """A misspelt bus is no file name, and no file is written over."""
    if to in BUSES:
        return
    if not Path(to).suffix and "/" not in to:
        raise UsageError(f"no bus is called {to!r}: known are {', '.join(BUSES)}, and a file has an ending or a /")
    if Path(to).exists() or not Path(to).parent.is_dir():
        raise UsageError(f"{to} is there already, or its folder is not: simulate makes a new file")


def _check_subject(to: str, pattern: str) -> None:
    """Where each message has a subject of its own, that is one which the settings read."""
    if to in ("jetstream", "nats") and subject_for(pattern) is None and pattern not in (">", "md.>"):
        raise UsageError(f"NATS_SUBJECT {pattern} may not hear md.…, where simulate sends: set md.> or one subject")


def _check_truth(truth: Path | None) -> None:
    if truth is not None and (truth.is_dir() or not truth.parent.is_dir()):
        raise UsageError(f"--truth {truth} is no place for a file")


def _kinds(text: str) -> tuple[str, ...]:
    chosen = tuple(word.strip() for word in text.split(",") if word.strip()) or tuple(KINDS)
    if unknown := [name for name in chosen if name not in KINDS]:
        raise UsageError(f"no kind is called {', '.join(unknown)}; known are {', '.join(KINDS)}")
    return chosen


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
