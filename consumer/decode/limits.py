"""What is checked before anything looks into a message: size, text, nesting."""

from __future__ import annotations

import re

from consumer.errors import DecodeError
from storage import Reason

_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def check_limits(data: bytes, max_bytes: int, max_nesting: int) -> None:
    """Raise DecodeError for a message that is too large, not UTF-8, or nested too deeply."""
    if len(data) > max_bytes:
        raise DecodeError(Reason.TOO_LARGE, f"{len(data)} bytes, at most {max_bytes} are taken")
    if not data.isascii():
        _check_utf8(data)
    if data.count(b"[") + data.count(b"{") > max_nesting and not _surely_shallow(data, max_nesting):
        _check_nesting(data, max_nesting)


def _check_utf8(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(Reason.NOT_UTF8, str(error)) from None


def _surely_shallow(data: bytes, max_nesting: int) -> bool:
    # An order book has many brackets and little depth: folding inner pairs away tells in a few C calls.
    # One round folds two levels at most, so `max_nesting // 2` rounds prove the depth.
    brackets = data.translate(None, _NO_BRACKETS)
    for _ in range(max_nesting // 2):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return True
    return False


def _check_nesting(data: bytes, max_nesting: int) -> None:
    depth = 0
    for token in _TOKEN.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > max_nesting:
            raise DecodeError(Reason.TOO_DEEP, f"nested deeper than {max_nesting}")
