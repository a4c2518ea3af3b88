"""What a majority has acknowledged lately: a redelivery of the same bytes need not be sent again.

A batch of nothing but duplicates costs mongod ten times what inserts cost (docs/performance.md). A record is known by
its key and a hash of its bytes, so other content under the key is sent, and compared there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from operator import eq

from storage.packed import Columns

CAPACITY = 262_144
"""Keys at most; about 190 bytes each."""


class Recent:
    """Keys and hashes of the last writes, for `seconds` at most and for half as long at least.

    It has two generations, and forgets the older one as a whole. Deleting in a collection must `forget` it before
    and after: what was being written meanwhile is not remembered either.
    """

    def __init__(self, seconds: float, clock: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._seconds = seconds
        self._clock = clock
        self._capacity = capacity
        self._young: dict[str, dict[str, int]] = {}
        self._old: dict[str, dict[str, int]] = {}
        self._count = 0
        self._began = clock()
        self._forgotten: dict[str, int] = {}

    def epoch(self, collection: str) -> int:
        """How often the collection was forgotten; to be taken before a write."""
        return self._forgotten.get(collection, 0)

    def known(self, collection: str, items: Columns) -> set[int]:
        """The places of those that stand in the store already, byte for byte."""
        self._age()
        known: set[int] = set()
        for generation in (self._young, self._old):
            written = generation.get(collection)
            if written and not written.keys().isdisjoint(items.keys):
                same = map(eq, map(written.get, items.keys), map(hash, items.bodies))
                known.update(compress(range(len(items)), same))
        return known

    def add(self, collection: str, items: Columns, epoch: int) -> None:
        """A majority has these, which were sent at that epoch."""
        if not self._seconds or epoch != self.epoch(collection):
            return
        written = self._young.setdefault(collection, {})
        before = len(written)
        written.update(zip(items.keys, map(hash, items.bodies), strict=True))
        self._count += len(written) - before

    def forget(self, collection: str) -> None:
        """Somebody deletes or changes something there."""
        self._forgotten[collection] = self.epoch(collection) + 1
        self._count -= len(self._young.pop(collection, ()))
        self._old.pop(collection, None)

    def _age(self) -> None:
        now = self._clock()
        if self._count * 2 >= self._capacity or now - self._began >= self._seconds / 2:
            self._old, self._young = self._young, {}
            self._count, self._began = 0, now
