"""`tapestore compact`: the local store's housekeeping."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import UsageError
from consumer.cli.output import note, print_json
from consumer.cli.progress import shown
from consumer.cli.start import settings
from consumer.cli.tables import print_table
from consumer.stores import store_of
from storage.adapters.local import Compaction, LocalAdapter

_COLUMNS = ("files_before", "files_after", "rows", "superseded")


def compact(
    collections: Annotated[
        list[str] | None, typer.Argument(metavar="COLLECTION…", help="Such as candles_BTCUSDT_1m; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Merge the files of the local store into few large ones.

    Worth it after history came in no order: then many files cover the same times, and each question reads them
    all. `superseded` rows had a newer version of their candle or funding rate. What a query answers stays the
    same. Readers go on meanwhile; a writer, such as `tapestore run`, has to be stopped first.

    \b
    Examples:
      tapestore compact
      tapestore compact candles_BTCUSDT_1m candles_ETHUSDT_1m
    """
    loaded = settings()
    if loaded.store.kind != "local":
        raise UsageError(f"only the local store has files to compact, and STORE is {loaded.store.kind}")
    done = asyncio.run(_compact(loaded, collections or ()))
    if as_json:
        print_json({name: asdict(each) for name, each in done.items()})
    elif not done:
        note("There is nothing to compact: no collection has files.")
    else:
        _print(done)


async def _compact(loaded: Settings, collections: Sequence[str]) -> dict[str, Compaction]:
    names = await _chosen(loaded, collections)
    done: dict[str, Compaction] = {}
    async with (
        LocalAdapter(loaded.local.path, format=loaded.local.format) as store,
        shown("compacting", lambda: len(done), len(names)),
    ):
        for name in names:
            done[name] = await store.compact(name)
    return done


async def _chosen(loaded: Settings, collections: Sequence[str]) -> Sequence[str]:
    """Opened for reading only, so that a wrong LOCAL_PATH does not become an empty store."""
    async with store_of(loaded, read_only=True) as store:
        known = await store.list_collections()
    if unknown := [name for name in collections if name not in known]:
        raise UsageError(f"there is no collection {', '.join(unknown)} in {loaded.local.path}")
    return collections or known


def _print(done: dict[str, Compaction]) -> None:
    merged = {name: each for name, each in done.items() if each.files_before}
    if merged:
        rows = [*merged.items(), ("all", sum(merged.values(), Compaction()))]
        names = ["collection", *(column.replace("_", " ") for column in _COLUMNS)]
        print_table(names, [[name, *(getattr(each, column) for column in _COLUMNS)] for name, each in rows], total=True)
    note(f"{len(done) - len(merged)} of {len(done)} collections were in order already.")
