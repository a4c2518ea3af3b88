"""Usual messages from their bytes to what the store writes in one compiled step, where there is a compiler.

Its plain twin is the long way of `Decoder`; a property test holds both equal, and decision 0033 says what it pays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from consumer.decode.express import origin_of
from consumer.decode.shapes import SHAPES
from storage import compiled
from storage.compiled import Found, Layout, Read
from storage.packed import Packs

_DEEPEST = 4
"""Brackets inside of each other in a wrapped order book."""


def reader(packs: Packs, max_bytes: int, max_nesting: int) -> Read:
    """What reads usual messages for a store with these packs, and says which ones the long way has to look at."""
    found = compiled.reader(_LAYOUTS, packs, max_bytes) if max_nesting >= _DEEPEST else None
    return found or _unusual


def _unusual(messages: list[bytes]) -> tuple[Mapping[tuple[str, str], Found], Sequence[int]]:
    """Without a compiler no message is usual."""
    return {}, range(len(messages))


def _levels(event: str) -> Callable[[str], int | None]:
    @lru_cache(maxsize=8_192)
    def levels(stream: str) -> int | None:
        origin = origin_of(stream, event)
        return None if origin is None else origin.levels

    return levels


_LAYOUTS = [Layout(event, shape.table, shape.fields, _levels(event)) for event, shape in SHAPES.items() if shape.fields]
