"""`tapestore config`: what was told, whether it holds together, and what can be told."""

from __future__ import annotations

from typing import Annotated

import typer

from config import describe, load, lookalikes
from config.reference import json_schema
from consumer.cli.output import ERR, OUT, print_json, print_table

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(as_json: Json = False) -> None:
    """Every key with its value and where it came from; secrets are hidden."""
    shown = describe(load())
    if as_json:
        print_json({each.key: {"value": each.value, "source": each.source} for each in shown})
    else:
        print_table("", ["key", "value", "source"], shown)


@app.command()
def validate() -> None:
    """Check all settings without connecting to anything; exit 78 and every mistake at once."""
    load()
    for warning in lookalikes():
        ERR.print(warning, highlight=False, markup=False)
    OUT.print("The settings are valid.")


@app.command()
def schema() -> None:
    """The JSON Schema of a settings file."""
    print_json(json_schema())
