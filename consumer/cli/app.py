"""All verbs of the command line, and how each of them ends.

A verb is a module that is imported when it is called, so that nobody waits for what the others need.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Verb(NamedTuple):
    """Where a verb is written, and the first line of its help."""

    place: str
    summary: str


VERBS = {
    "demo": Verb("demo:demo", "Record a simulated market, and check every document."),
    "run": Verb("run:run", "Consume the bus into the store until SIGTERM."),
    "simulate": Verb("simulate:simulate", "Send a simulated market to a bus or into a file."),
    "record": Verb("record:record", "Capture messages from the bus into a file until SIGTERM."),
    "replay": Verb("run:replay", "Send captured messages through the pipeline again."),
    "query": Verb("query:query", "Read the documents of one kind and symbol, ascending in time."),
    "ingest": Verb("ingest:ingest", "Keep results or other documents; known ones are updated."),
    "dlq": Verb("dlq:app", "Look at dead letters, replay them, remove them."),
    "verify": Verb("verify:verify", "Prove from the lineage that no record is missing in the numbers."),
    "compact": Verb("compact:compact", "Merge the files of the local store into few large ones."),
    "migrate": Verb("migrate:app", "Bring the tables and collections up to date, or back."),
    "config": Verb("settings:app", "Show and check the settings."),
}


class Lazy(TyperCommand):
    """A verb that is not imported yet."""

    def __init__(self, name: str, verb: Verb) -> None:
        super().__init__(name, help=verb.summary)
        self._place = verb.place

    def make_context(self, *args: Any, **also: Any) -> Any:
        """Import the verb: what parses and runs is the real one."""
        return self.imported().make_context(*args, **also)

    def imported(self) -> Any:
        """The real command."""
        module, _, name = self._place.partition(":")
        with _all_kept():
            import_module("config.memory").give_memory_back()
            verb = getattr(import_module(f"consumer.cli.{module}"), name)
        return get_command(verb if isinstance(verb, typer.Typer) else _alone(verb))


class Verbs(TyperGroup):
    """All of them, by their names."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, verb in VERBS.items():
            self.add_command(Lazy(name, verb))


@contextmanager
def _all_kept() -> Iterator[None]:
    """What is made meanwhile lives as long as the process: looking for garbage in it was an eighth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _alone(verb: Any) -> typer.Typer:
    program = typer.Typer(add_completion=False, rich_markup_mode=None)
    program.command()(verb)
    return program


app = typer.Typer(
    cls=Verbs,
    name="tapestore",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(version("tapestore"))
        raise typer.Exit


@app.callback()
def _program(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Records markets: from the message bus to per-symbol collections, with nothing lost, and proves it.

    \b
    See it work, without any server:
      tapestore demo
    Your own bus into your own database:
      export SOURCE=jetstream NATS_URL=nats://bus:4222 NATS_STREAM=MARKET 'NATS_SUBJECT=md.>'
      export STORE=mongodb MONGODB_URI=mongodb://db:27017/?replicaSet=rs0
      tapestore config validate
      tapestore run

    Every setting is an environment variable: `tapestore config show`, docs/configuration.md.

    Exit codes: 0 ok, 1 check failed, 2 usage, 69 a dependency is unavailable, 70 bug, 78 configuration.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name; an error is one line on stderr and an exit code."""
    from consumer.cli.output import flush

    try:
        try:
            app(arguments, prog_name="tapestore")
        finally:
            flush()
    # The top of the program: whatever it is becomes one line and an exit code.
    except Exception as error:
        from consumer.cli.exits import told  # knows every error that there is, and so imports much

        sys.exit(told(error))
    sys.exit()
