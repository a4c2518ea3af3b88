"""The lines of a file, plain or compressed, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from consumer.errors import SourceRefused

BLOCK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_STEP = 512  # so few bytes of a bomb become at most 16 MiB
_ZSTD_WINDOW = 128 * 1024 * 1024


def blocks_of_lines(path: Path, max_line_bytes: int) -> Iterator[list[bytes]]:
    """The lines without their ends, a block at a time; the last needs no end.

    A longer line is cut after `max_line_bytes` + 1 bytes: enough to see that it is too long, and memory
    stays bounded whatever the file unpacks to. Raises SourceRefused at the place where the file cannot be
    read or is broken, after all that comes before it.
    """
    rest = bytearray()
    for block in _unpacked(path):
        head, *lines = block.split(b"\n")
        rest += head[: max(0, max_line_bytes + 1 - len(rest))]
        if lines:
            tail = lines.pop()
            yield [_ended(line, max_line_bytes) for line in (bytes(rest), *lines)]
            rest = bytearray(tail[: max_line_bytes + 1])
    if rest:
        yield [_ended(bytes(rest), max_line_bytes)]


def _ended(line: bytes, max_line_bytes: int) -> bytes:
    return line[: max_line_bytes + 1].removesuffix(b"\r")


def _unpacked(path: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked if it begins as gzip or zstd do."""
    try:
        with path.open("rb") as file:
            start = file.peek(4)  # a pipe cannot go back
            if start.startswith(_GZIP):
                yield from _gunzipped(file)
            elif start.startswith(_ZSTD):
                yield from _unzstd(file)
            else:
                while block := file.read(BLOCK_BYTES):
                    yield block
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceRefused(f"{path}: {reason}", fix="give a file that is whole and can be read") from error


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        while block := unpacked.read1(BLOCK_BYTES):  # read would lose what precedes a broken end
            yield block


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    """By hand: zstandard's own reader takes a truncated file for a whole one."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = unpacker.decompressobj()
    while packed := file.read(_ZSTD_STEP):
        while packed:
            if frame.eof:
                frame = unpacker.decompressobj()
            unpacked = frame.decompress(packed)
            for start in range(0, len(unpacked), BLOCK_BYTES):
                yield unpacked[start : start + BLOCK_BYTES]
            packed = frame.unused_data
    if not frame.eof:
        raise EOFError("the last zstd frame is not whole")
