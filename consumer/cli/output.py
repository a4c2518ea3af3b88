"""What people and programs read: tables on a terminal, JSON on request; data on stdout, all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

_PIPE_WIDTH = 1000
"""Where no terminal sets a width, no line is cut."""


class ReaderGone(Exception):
    """Whoever read stdout has seen enough: `tapestore query … | head`."""


class _Stdout(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise ReaderGone


_AS_IT_IS: dict[str, Any] = {"soft_wrap": True, "markup": False, "highlight": False, "emoji": False}
OUT = _Stdout(**_AS_IT_IS)
if not OUT.is_terminal:
    OUT.width = _PIPE_WIDTH
ERR = Console(stderr=True, **_AS_IT_IS)


def say(text: str, style: str = "") -> None:
    """Lines for people on stdout."""
    OUT.print(Text(_printable_lines(text), style))


def note(text: str) -> None:
    """Lines on stderr: what is no data."""
    ERR.print(Text(_printable_lines(text)))


def confirmed(question: str) -> bool:
    """Ask on stderr, for stdout is for data; no answer is a no."""
    ERR.print(Text(f"{question} [y/N] "), end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def printable(text: str) -> str:
    """The text in one line that steers no terminal: what has no glyph is written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def plain(value: Any) -> Any:
    """A value as JSON can say it without loss: decimals and times as text."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Path():
            return str(value)
        case Mapping():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case _:
            return value


def print_json(value: Any) -> None:
    """One JSON document on stdout, in ASCII: nothing in it can steer a terminal, and nothing is lost."""
    with reader():
        OUT.file.write(json.dumps(plain(value), indent=2) + "\n")


def json_line(value: Any) -> str:
    """The same on one line, for streams of documents."""
    return json.dumps(plain(value), separators=(",", ":")) + "\n"


@contextmanager
def reader() -> Iterator[None]:
    """Where stdout is written to directly; raises ReaderGone."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None


def flush() -> None:
    """Hand over what is written; raises ReaderGone."""
    with reader():
        OUT.file.flush()
