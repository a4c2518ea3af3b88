"""`tapestore migrate`: the metadata tables and MongoDB's collections forward, back, and where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from consumer.cli.exits import Exit
from consumer.cli.output import print_json, say
from consumer.cli.start import settings
from consumer.migrating import Statuses, down, up, where
from storage.migrations import MigrationStatus

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Bring the tables and collections up to date, or back.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
To = Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Stop at this version.")]


@app.command("up")
def go_up(to: To = None, as_json: Json = False) -> None:
    """Apply what is pending.

    Two processes that start at once migrate once.
    `run`, `replay` and `demo` do it by themselves unless MIGRATE_ON_START is false.

    \b
    Examples:
      tapestore migrate up
      tapestore migrate up --to mongodb/0001
    """
    _print(up(settings(), to or "head"), as_json=as_json)


@app.command("down")
def go_down(to: To = None, as_json: Json = False) -> None:
    """Go back one version, or to the one named.

    What the steps drop is gone; base is before the first version.
    A version of the tables is named as it is, one of MongoDB's collections with mongodb/ in front; of these
    only indexes and validators go, documents stay.

    \b
    Examples:
      tapestore migrate down
      tapestore migrate down --to base
      tapestore migrate down --to mongodb/base
    """
    _print(down(settings(), to or "-1"), as_json=as_json)


@app.command("status")
def show(as_json: Json = False) -> None:
    """Where both stand; exit 1 when something is pending."""
    found = _print(where(settings()), as_json=as_json)
    raise typer.Exit(Exit.CHECK_FAILED if any(side.pending for side in found.values()) else Exit.OK)


def _print(asked: Coroutine[Any, Any, Statuses], *, as_json: bool) -> Statuses:
    found = asyncio.run(asked)
    metadata, others = found["metadata"], {name: side for name, side in found.items() if name != "metadata"}
    if as_json:
        print_json(_plain(metadata) | {name: _plain(side) for name, side in others.items()})
    else:
        say(f"{metadata.current or 'no tables'} of {metadata.head}, {_pending(metadata)}")
        for name, side in others.items():
            say(f"{name}: {side.current or 'nothing'} of {side.head}, {_pending(side)}")
    return found


def _plain(side: MigrationStatus) -> dict[str, Any]:
    return {"current": side.current, "head": side.head, "pending": side.pending}


def _pending(side: MigrationStatus) -> str:
    return f"pending: {', '.join(side.pending)}" if side.pending else "nothing is pending"
