"""`tapestore config`: what was told, whether it holds together, and what can be told."""

from __future__ import annotations

from typing import Annotated

import typer

from config import ConfigError, describe, load, lookalikes
from config.reference import json_schema
from consumer.cli.output import note, print_json, say
from consumer.cli.tables import print_table

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Show and check the settings."
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(as_json: Json = False) -> None:
    """Every key, its value and its origin; no secrets."""
    shown = describe(load())
    if as_json:
        print_json({each.key: {"value": each.value, "source": each.source} for each in shown})
    else:
        print_table(["key", "value", "source"], shown, loose="value")


@app.command()
def validate(as_json: Json = False) -> None:
    """Check all settings without connecting to anything.

    Exit 78, and every mistake at once.
    """
    try:
        load()
    except ConfigError as error:
        if as_json:
            print_json({"valid": False, "problems": [problem._asdict() for problem in error.problems]})
        raise
    warnings = lookalikes()
    for warning in warnings:
        note(warning)
    if as_json:
        print_json({"valid": True, "warnings": warnings})
    else:
        say("The settings are valid.")


@app.command()
def schema() -> None:
    """The JSON Schema of the file that TAPESTORE_CONFIG names."""
    print_json(json_schema())
