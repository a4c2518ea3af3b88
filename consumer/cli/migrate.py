"""`tapestore migrate`: the metadata tables forward, back, and where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from consumer.cli.exits import Exit
from consumer.cli.output import print_json, say
from consumer.cli.start import settings
from storage.migrations import MigrationStatus, downgrade, status, upgrade

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Bring the metadata tables up to date."
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
To = Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Stop at this version.")]


@app.command()
def up(to: To = None, as_json: Json = False) -> None:
    """Apply what is pending; two processes that start at once migrate once.

    `run`, `replay` and `demo` do it by themselves unless MIGRATE_ON_START is false.
    """
    _print(upgrade(_url(), to or "head"), as_json=as_json)


@app.command()
def down(to: To = None, as_json: Json = False) -> None:
    """Go back one version, or to the one named (base: before the first). What the steps drop is gone.

    \b
    Examples:
      tapestore migrate down
      tapestore migrate down --to base
    """
    _print(downgrade(_url(), to or "-1"), as_json=as_json)


@app.command("status")
def show(as_json: Json = False) -> None:
    """Where the tables stand; exit 1 when something is pending."""
    found = _print(status(_url()), as_json=as_json)
    raise typer.Exit(Exit.CHECK_FAILED if found.pending else Exit.OK)


def _url() -> str:
    return settings().metadata_url.get_secret_value()


def _print(asked: Coroutine[Any, Any, MigrationStatus], *, as_json: bool) -> MigrationStatus:
    found = asyncio.run(asked)
    if as_json:
        print_json({"current": found.current, "head": found.head, "pending": found.pending})
    else:
        pending = f"pending: {', '.join(found.pending)}" if found.pending else "nothing is pending"
        say(f"{found.current or 'no tables'} of {found.head}, {pending}")
    return found
