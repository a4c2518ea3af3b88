"""Which texts were met with which bytes, by the hashes of both: to know them again at a fraction of their memory."""

from __future__ import annotations

from itertools import compress
from operator import eq
from typing import Protocol


class Fingerprints(Protocol):
    """Two hashes of 64 bits each: another text with other bytes is taken for one that was met once in 2^128 pairs."""

    def add(self, keys: list[str], bodies: list[bytes], /) -> None:
        """These belong together from now on."""
        ...

    def known(self, keys: list[str], bodies: list[bytes], /) -> list[int]:
        """The places of the keys that were added with such a body, ascending."""
        ...

    def __len__(self) -> int: ...


class PlainFingerprints:
    """The plain twin of `_fingerprints.c`, where no compiler was there."""

    def __init__(self) -> None:
        self._bodies: dict[int, int] = {}

    def add(self, keys: list[str], bodies: list[bytes], /) -> None:
        self._bodies.update(zip(map(hash, keys), map(hash, bodies), strict=True))

    def known(self, keys: list[str], bodies: list[bytes], /) -> list[int]:
        hashes = list(map(hash, keys))
        if self._bodies.keys().isdisjoint(hashes):
            return []
        return list(compress(range(len(keys)), map(eq, map(self._bodies.get, hashes), map(hash, bodies))))

    def __len__(self) -> int:
        return len(self._bodies)
