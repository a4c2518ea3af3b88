"""`tapestore run` and `tapestore replay`: the pipeline, fed by a bus or by files."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli import consume
from consumer.cli.exits import UsageError
from consumer.cli.start import settings
from consumer.sources import open_source
from consumer.sources.file import FileSource

Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


def run(
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="Stop after so many seconds with nothing to do."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a bus or a store that may lose what it has acknowledged.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Consume the bus into the store until SIGTERM.

    SOURCE says from where (jetstream, nats, kafka or file), STORE where to (local or mongodb). Nothing has to
    be there at the start: what is missing is waited for, and http://HTTP_HOST:HTTP_PORT/readyz names it.

    The first SIGTERM or Ctrl-C drains within DRAIN_SECONDS, the second ends at once. Exit 1: something was
    not finished in time and is still on the bus.

    What may lose acknowledged data (NATS core, a stream in memory or without replicas, a standalone mongod) is
    a warning, and with --strict an error: exit 78.

    \b
    Examples:
      tapestore run
      tapestore run --until-idle 5
      SOURCE=kafka STORE=mongodb tapestore run
    """
    loaded = settings()
    consuming = consume.consume(loaded, open_source(loaded), until_idle=until_idle, as_json=as_json, strict=strict)
    raise typer.Exit(asyncio.run(consuming))


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Captured messages: JSON lines, gzip or zstd.")],
    as_json: Json = False,
) -> None:
    """Send captured messages through the pipeline again.

    Each file is read from its start. Replaying what is stored changes nothing: it counts as duplicate. What is
    not there at the start, a file or the store, ends it with an error; a store that goes away later is waited for.

    \b
    Examples:
      tapestore replay tape.jsonl.zst
      STORE=mongodb tapestore replay monday.jsonl.gz tuesday.jsonl.gz
    """
    missing = [str(file) for file in files if not file.exists() or file.is_dir()]
    if missing:
        raise UsageError(f"no such file, or a folder: {', '.join(missing)}")
    loaded = settings()
    source = FileSource(files, max_message_bytes=int(loaded.message.max_message_bytes))
    result = partial(consume.print_summary, as_json=as_json)
    raise typer.Exit(asyncio.run(consume.replay(loaded, source, result=result)))
