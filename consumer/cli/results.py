"""Results from files: JSON, JSON lines or CSV, compressed or not, one document after the other."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import zstandard

from storage.ingestion import build_documents, run_documents

LINES = frozenset({".jsonl", ".ndjson"})


class Unreadable(NamedTuple):
    """A document that the file does not hold as it should."""

    reason: str


class Phase(StrEnum):
    """Whose report a JSON file is: it becomes a document for each image or run."""

    BUILD = "build"
    RUN = "run"


_SPLIT: dict[Phase, Callable[[Any], list[Any]]] = {Phase.BUILD: build_documents, Phase.RUN: run_documents}


def read_results(file: Path, phase: Phase | None) -> Iterator[object]:
    """The documents of a file, and Unreadable where one is not: lines of `.jsonl` and `.ndjson`, rows of `.csv`
    with their cells as text, else one JSON value, of which a list is one document for each element.

    `.gz` and `.zst` are read too. Raises OSError.
    """
    with _opened(file) as text:
        match _suffix(file):
            case ".csv":
                yield from _rows(text)
            case suffix if suffix in LINES:
                yield from _lines(text)
            case _:
                yield from _values(text, phase)


def _suffix(file: Path) -> str:
    name = file.with_suffix("") if file.suffix in (".gz", ".zst") else file
    return name.suffix.lower()


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    # A byte that is no UTF-8 becomes a mark that no store takes: one document fails, not the file.
    how: dict[str, Any] = {"mode": "rt", "encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    opened: Any = {".gz": gzip.open, ".zst": zstandard.open}.get(file.suffix, open)
    try:
        with opened(file, **how) as text:
            yield text
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise OSError(errno.EIO, f"it is damaged: {error}", str(file)) from error


def _lines(text: TextIO) -> Iterator[object]:
    for number, line in enumerate(text, 1):
        if line.strip():
            yield _parsed(line, f"line {number} is no JSON")


def _rows(text: TextIO) -> Iterator[object]:
    try:
        for row in csv.DictReader(text):
            if None in row:
                yield Unreadable("its row has more cells than the header")
            else:
                yield {name: cell for name, cell in row.items() if cell}
    except csv.Error as error:
        yield Unreadable(f"the rest of the file is no CSV: {error}")


def _values(text: TextIO, phase: Phase | None) -> Iterator[object]:
    value = _parsed(text.read(), "the file is no JSON (JSON lines are called .jsonl)")
    if isinstance(value, Unreadable):
        yield value
    elif phase is not None and isinstance(value, dict | list):
        yield from _SPLIT[phase](value)
    elif isinstance(value, list):
        yield from value
    else:
        yield value


def _parsed(text: str, complaint: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"{complaint}: {error}")
    return value
