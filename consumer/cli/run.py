"""`tapestore run` and `tapestore replay`: the pipeline, fed by a bus or by files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.exits import Exit, UsageError
from consumer.cli.start import print_summary, settings, shown, telemetry
from consumer.service import Service, Transformation
from consumer.sources import open_source
from consumer.sources.base import Source
from consumer.sources.file import FileSource

Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


def run(
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="Stop after so many seconds with nothing to do."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Consume the bus into the store until SIGTERM.

    The source is SOURCE (jetstream, nats, kafka or file), the store is STORE (local or mongodb). Nothing has to
    be there at the start: what is missing is waited for, and http://HTTP_HOST:HTTP_PORT/readyz names it.
    The first SIGTERM drains within DRAIN_SECONDS, the second ends at once. Exit 1: something was given back.

        SOURCE=kafka STORE=mongodb tapestore run
        tapestore run --until-idle 5
    """
    loaded = settings()
    code = asyncio.run(consume(loaded, open_source(loaded), "consume", until_idle=until_idle, as_json=as_json))
    raise typer.Exit(code)


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Captured messages: JSON lines, .gz or .zst.")],
    as_json: Json = False,
) -> None:
    """Send captured messages through the pipeline again, from their start.

    Replaying what is stored changes nothing: it counts as duplicate.

        tapestore replay tape.jsonl.zst
    """
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    loaded = settings()
    source = FileSource(files, max_message_bytes=int(loaded.message.max_message_bytes))
    raise typer.Exit(asyncio.run(consume(loaded, source, "replay", serve=False, show=True, as_json=as_json)))


async def consume(
    loaded: Settings,
    source: Source,
    transformation: Transformation,
    *,
    until_idle: float | None = None,
    serve: bool = True,
    show: bool = False,
    as_json: bool = False,
) -> Exit:
    """Run a service over `source` and print what became of it; CHECK_FAILED when something was given back."""
    async with telemetry(loaded, source.name):
        service = Service(loaded, source, transformation=transformation)
        async with shown(transformation, lambda: service.pipeline.received, None):
            left = await service.run(until_idle=until_idle, serve=serve)
    if show or as_json or until_idle is not None:
        print_summary(service, as_json=as_json)
    return Exit.CHECK_FAILED if left else Exit.OK
