"""Captured messages: one a line, as they came off the bus.

A line is either the message itself (any JSON on one line), or a capture line that keeps its subject,
headers and bus time too: `{"tapestore":{"subject":…,"time_ms":…,"headers":{…},"data":"…"}}`. The bytes are
in `data` when they are UTF-8 text, else in `base64`. No market message has that one key.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Self, cast

import msgspec
import zstandard

from consumer.messages import Message
from storage.compiled import captured

BLOCK_BYTES = 1024 * 1024
_START = b'{"tapestore":{'
_SPACED = re.compile(rb'\s*\{\s*"tapestore"\s*:')
"""The same, as others write JSON."""


class Captured(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What a capture line keeps of a message."""

    subject: str = ""
    time_ms: int | None = None
    headers: dict[str, str] | None = None
    data: str | None = None
    base64: bytes | None = None

    @property
    def body(self) -> bytes:
        """The message's bytes."""
        return self.data.encode() if self.data is not None else self.base64 or b""


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    tapestore: Captured


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def written(message: Message) -> bytes:
    """The capture line of a message, without its end; at most 1.5 times its bytes, and its headers."""
    captured = Captured(message.subject, message.time_ms, message.headers or None)
    try:
        captured.data = message.data.decode()
        line = _encode(_Line(captured))
        if len(line) <= 1.5 * len(message.data) + BLOCK_BYTES:
            return line
    except UnicodeDecodeError:
        pass
    captured.data, captured.base64 = None, message.data
    return _encode(_Line(captured))


def read(line: bytes, partition: str, number: int) -> Message:
    """The message that a line holds; a capture line that is broken is a message like any other bytes."""
    if line.startswith(_START) or _SPACED.match(line):
        try:
            kept = _decode(line).tapestore
        except ValueError:
            pass
        else:
            return Message(kept.body, "file", partition, number, kept.subject, kept.headers, kept.time_ms)
    return Message(line, "file", partition, number)


def bodies(lines: list[bytes]) -> list[bytes]:
    """What the messages say that `read` finds in these lines."""
    found, others = captured(lines)
    for place in others:
        found[place] = read(lines[place], "", 0).data
    return cast(list[bytes], found)


def _as_it_is(block: bytes) -> bytes:
    return block


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda block: gzip.compress(block, 4),
    ".zst": lambda block: zstandard.ZstdCompressor().compress(block),
}


class CaptureWriter:
    """A new file of capture lines; the endings `.gz` and `.zst` compress.

    After `flush` the file is whole and on the disk: what was written until then can be read whatever
    happens later. Raises FileExistsError rather than overwrite, and OSError when the disk does not take it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._pack = _PACKERS.get(path.suffix, _as_it_is)
        self._block = bytearray()

    def write(self, message: Message) -> None:
        """Append one message."""
        self._block += written(message) + b"\n"
        if len(self._block) >= BLOCK_BYTES:
            self._write_block()

    def flush(self) -> None:
        """Put all of it on the disk."""
        self._write_block()
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def _write_block(self) -> None:
        if self._block:  # each block is a member, or frame, of its own
            self._file.write(self._pack(bytes(self._block)))
            self._block.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
