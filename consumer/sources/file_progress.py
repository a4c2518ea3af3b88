"""How far files are settled, kept in a small file so that a later process goes on from there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

HEAD_BYTES = 4096


class Place(msgspec.Struct, frozen=True):
    """So many lines of a file are settled; its size when it was opened and how it begins tell it from another."""

    lines: int
    size: int
    head: str


class FileProgress:
    """The settled lines of each file, by path, in one JSON file that is replaced as a whole.

    Losing it costs duplicates and nothing else: one that cannot be read, or that tells of a file with other
    contents, counts as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places = self._load()
        self._saved = dict(self._places)

    def begin(self, file: Path) -> int:
        """How many lines of this file need not be read again; raises OSError."""
        size = file.stat().st_size
        place = self._places.get(str(file))
        known = place is not None and size >= place.size and _head(file, place.size) == place.head
        lines = place.lines if place is not None and known else 0
        self._places[str(file)] = Place(lines, size, _head(file, size))
        return lines

    def note(self, file: Path, lines: int) -> None:
        """So many are settled now; a file that was not begun has no place."""
        place = self._places.get(str(file))
        if place is not None and lines > place.lines:
            self._places[str(file)] = Place(lines, place.size, place.head)

    def save(self) -> None:
        """Write it down if it is news; raises OSError."""
        if self._places == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self._places))
        new.replace(self._path)
        self._saved = dict(self._places)

    def _load(self) -> dict[str, Place]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Place])
        except (OSError, ValueError):
            return {}


def _head(file: Path, size: int) -> str:
    with file.open("rb") as opened:
        return hashlib.sha256(opened.read(min(HEAD_BYTES, size))).hexdigest()
