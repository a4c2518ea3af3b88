"""All verbs: their help, their exit codes, and how little each of them imports."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from config import ConfigError
from config.errors import Problem
from consumer.cli.app import VERBS, Lazy, app
from consumer.cli.exits import Exit, UsageError, exit_of, told
from consumer.cli.output import ReaderGone, json_line, note, print_json, say
from consumer.errors import AddressRefused, SourceRefused, SourceUnavailable
from storage import OperatorError, RejectedError, TransientError, UnavailableError
from tests.unit.cli.command import Command

ROOT = Path(__file__).parents[3]
LOOK = "see that it runs, and that `tapestore config show` names the right address"
HEAVY = (
    "aiokafka",
    "alembic",
    "nats",
    "opentelemetry.sdk",
    "pyarrow",
    "pymongo",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path, the lazy ones imported."""
    for name, found in group.commands.items():
        command = found.imported() if isinstance(found, Lazy) else found
        yield (*path, name), command
        if isinstance(command, TyperGroup):
            yield from commands(command, *path, name)


COMMANDS = dict(commands(get_command(app)))
EXAMPLES = [
    line.strip()
    for command in COMMANDS.values()
    for line in (command.help or "").splitlines()
    if line.startswith("  ") and "tapestore " in line
]


def test_each_verb_is_called_what_its_own_help_says_first() -> None:
    help_of = {name: command.help.splitlines()[0] for (name, *more), command in COMMANDS.items() if not more}
    assert help_of == {name: verb.summary for name, verb in VERBS.items()}


@pytest.mark.parametrize("group", [(), ("dlq",), ("migrate",), ("config",)])
def test_a_list_of_verbs_is_whole_on_a_narrow_terminal(
    tapestore: Command, monkeypatch: pytest.MonkeyPatch, group: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = tapestore(*group, "--help").out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_every_option_and_argument_is_explained() -> None:
    silent = [
        (*path, parameter.name) for path, command in COMMANDS.items() for parameter in command.params
        if not getattr(parameter, "help", None)
    ]  # fmt: skip
    assert silent == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_of_the_help_can_be_parsed(example: str) -> None:
    words = shlex.split(example.partition("|")[0])
    path: list[str] = []
    arguments = words[words.index("tapestore") + 1 :]
    while arguments and (*path, arguments[0]) in COMMANDS:
        path.append(arguments.pop(0))
    with COMMANDS[tuple(path)].make_context("tapestore", arguments):
        pass


def test_examples_stay_lines_of_their_own(tapestore: Command) -> None:
    told = tapestore("query", "--help").out
    assert "\n    tapestore query trades BTCUSDT --latest 5\n" in told


def test_the_program_s_help_names_all_verbs_and_exit_codes(tapestore: Command) -> None:
    told = tapestore("--help").out
    assert [name for name in VERBS if f"\n  {name}" not in told] == []
    assert "78 configuration" in " ".join(told.split())


@pytest.mark.parametrize("arguments", [("dlq", "list", "-h"), ("config", "-h"), ("run", "-h")])
def test_h_is_help(tapestore: Command, arguments: tuple[str, ...]) -> None:
    assert tapestore(*arguments).out.startswith("Usage: tapestore")


@pytest.mark.parametrize(
    "arguments",
    [("quer",), ("query", "trades"), ("query", "trades", "BTCUSDT", "--limit", "0"), ("run", "now"), ("demo", "--x")],
)
def test_a_wrong_argument_exits_2_and_says_nothing_on_stdout(tapestore: Command, arguments: tuple[str, ...]) -> None:
    ended = tapestore(*arguments, expect=2)
    assert ended.out == ""
    assert "Error: " in ended.err


def test_a_misspelt_verb_is_recognised(tapestore: Command) -> None:
    assert "Did you mean 'migrate'?" in tapestore("migrat", expect=2).err


def imported_by(*arguments: str) -> set[str]:
    """Which modules a command has imported when it ends, in a process of its own."""
    script = (
        "import sys\nfrom consumer.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as ending:\n    assert not ending.code, ending.code\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "not_needed"),
    [
        (("--version",), (*HEAVY, "pydantic", "structlog", "msgspec")),
        (("--help",), (*HEAVY, "pydantic", "structlog", "msgspec")),
        (("config", "show"), (*HEAVY, "structlog", "msgspec")),
        (("query", "--help"), HEAVY),
        (("dlq", "replay", "--help"), HEAVY),
        (("replay", "--help"), ("aiokafka", "nats", "pyarrow", "pymongo", "opentelemetry.exporter.otlp")),
        (("replay", "--help"), ("alembic", "starlette", "uvicorn", "sqlalchemy.dialects.postgresql")),
    ],
)
def test_a_verb_imports_only_what_it_needs(arguments: tuple[str, ...], not_needed: tuple[str, ...]) -> None:
    imported = imported_by(*arguments)
    assert [name for name in not_needed if name in imported] == []


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("it does not fit"), Exit.USAGE, "it does not fit"),
        (RejectedError("a limit is at least 1"), Exit.USAGE, "a limit is at least 1"),
        (UnavailableError("nobody answers"), Exit.UNAVAILABLE, f"nobody answers; {LOOK}"),
        (TransientError("an election"), Exit.UNAVAILABLE, "an election"),
        (OperatorError("wrong password", fix="change it"), Exit.UNAVAILABLE, "wrong password; change it"),
        (SourceUnavailable("no servers"), Exit.UNAVAILABLE, f"no servers; {LOOK}"),
        (SourceRefused("no stream", fix="make it"), Exit.UNAVAILABLE, "no stream; make it"),
        (AddressRefused("port taken", fix="take another"), Exit.UNAVAILABLE, "port taken; take another"),
        (OSError(28, "No space left on device", "x"), Exit.UNAVAILABLE, "x: No space left on device"),
        (ConnectionResetError("gone"), Exit.UNAVAILABLE, "ConnectionResetError gone"),
        (ExceptionGroup("", [UnavailableError("in a\ngroup")]), Exit.UNAVAILABLE, f"in a group; {LOOK}"),
        (ConfigError([Problem("A", "is wrong")]), Exit.CONFIG, "1 setting is wrong:\n  A: is wrong"),
        (
            ZeroDivisionError("division by zero"),
            Exit.BUG,
            "unexpected ZeroDivisionError: division by zero (LOG_LEVEL=DEBUG shows where)",
        ),
    ],
)
def test_an_error_becomes_an_exit_code_and_one_line(error: Exception, code: Exit, line: str) -> None:
    assert exit_of(error) == (code, line)


def test_an_error_is_told_on_stderr_without_its_password(
    tapestore: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(UnavailableError("mongodb://user:canary@host:27017 does not answer")) is Exit.UNAVAILABLE
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"tapestore: mongodb://***@host:27017 does not answer; {LOOK}\n")


def bug() -> ZeroDivisionError:
    try:
        1 / 0  # noqa: B018 - the error is what is wanted
    except ZeroDivisionError as error:
        return error
    raise AssertionError


def test_a_bug_shows_where_it_is_only_when_debugging(tapestore: Command, capsys: pytest.CaptureFixture[str]) -> None:
    told(bug())
    assert capsys.readouterr().err.count("\n") == 1
    tapestore.tell(LOG_LEVEL="DEBUG")
    told(bug())
    assert "in bug\n" in capsys.readouterr().err


def test_nothing_that_is_shown_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "\x1b[2J\x9b31m\u202e\x07[red]:smile:"
    say(nasty)
    note(nasty)
    print_json({nasty: nasty})
    shown = "".join(capsys.readouterr())
    assert [character for character in "\x1b\x9b\u202e\x07" if character in shown] == []
    assert shown.count(r"\x1b[2J\x9b31m\u202e\x07[red]:smile:") == 2


def test_json_is_exact() -> None:
    nasty = "\x1b\x9b\u202e\ud800"
    assert json.loads(json_line(nasty)) == nasty


def test_a_reader_that_is_gone_has_the_exit_code_of_sigpipe() -> None:
    assert exit_of(ReaderGone()) == (141, "")


def test_a_group_without_a_verb_shows_its_help(tapestore: Command) -> None:
    assert "purge" in tapestore("dlq", expect=2).err
