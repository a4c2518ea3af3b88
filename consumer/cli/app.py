"""All verbs of the command line, and how each of them ends."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from consumer.cli import dlq, migrate, settings
from consumer.cli.demo import demo
from consumer.cli.exits import Exit, exit_of
from consumer.cli.output import ERR
from consumer.cli.query import query
from consumer.cli.record import record
from consumer.cli.run import replay, run
from consumer.cli.simulate import simulate
from consumer.cli.verify import verify
from consumer.telemetry.logs import redact, wanted

app = typer.Typer(
    name="tapestore",
    help="Records markets: from the message bus to per-symbol collections, with nothing lost and the proof of it.\n\n"
    "Start with `tapestore demo`; it needs no server. Settings come from the environment (docs/configuration.md).\n\n"
    "Exit codes: 0 ok, 1 check failed, 2 usage, 69 a dependency is unavailable, 70 bug, 78 configuration.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, run, replay, record, simulate, query, verify):
    app.command()(command)
app.add_typer(dlq.app, name="dlq")
app.add_typer(settings.app, name="config")
app.add_typer(migrate.app, name="migrate")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(version("tapestore"))
        raise typer.Exit


@app.callback()
def _root(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options of the program itself."""


def main() -> None:
    """Run the command that the arguments name; an error is one line on stderr and an exit code."""
    try:
        app()
    # The top of the program: whatever it is becomes one line and an exit code.
    except Exception as error:
        code, line = exit_of(error)
        ERR.print(f"tapestore: {redact(line)}", markup=False, highlight=False)
        if code is Exit.BUG and wanted(logging.DEBUG):
            ERR.print_exception()
        sys.exit(code)
