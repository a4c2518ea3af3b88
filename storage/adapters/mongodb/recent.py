"""What a majority has acknowledged lately: a redelivery of the same bytes need not be sent again.

A batch of nothing but duplicates costs mongod ten times what inserts cost (docs/performance.md). A record is known by
the hashes of its key and of its bytes, so other content under the key is sent, and compared there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from storage.compiled import fingerprints
from storage.fingerprints import Fingerprints
from storage.packed import Columns

CAPACITY = 262_144
"""Keys at most; about 30 bytes each, or 150 without a compiler."""


class Recent:
    """Fingerprints of the last writes, for `seconds` at most and for half as long at least.

    It has two generations, and forgets the older one as a whole. Deleting in a collection must `forget` it before
    and after: what was being written meanwhile is not remembered either.
    """

    def __init__(self, seconds: float, clock: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._seconds = seconds
        self._clock = clock
        self._capacity = capacity
        self._young: defaultdict[str, Fingerprints] = defaultdict(fingerprints)
        self._old: dict[str, Fingerprints] = {}
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
            if written := generation.get(collection):
                known.update(written.known(items.keys, items.bodies))
        return known

    def add(self, collection: str, items: Columns, epoch: int) -> None:
        """A majority has these, which were sent at that epoch."""
        if not self._seconds or epoch != self.epoch(collection) or not items:
            return
        written = self._young[collection]
        before = len(written)
        written.add(items.keys, items.bodies)
        self._count += len(written) - before

    def forget(self, collection: str) -> None:
        """Somebody deletes or changes something there."""
        self._forgotten[collection] = self.epoch(collection) + 1
        self._count -= len(self._young.pop(collection, ()))
        self._old.pop(collection, None)

    def _age(self) -> None:
        now = self._clock()
        if self._count * 2 >= self._capacity or now - self._began >= self._seconds / 2:
            self._old, self._young = self._young, defaultdict(fingerprints)
            self._count, self._began = 0, now
