"""Partitions that are far behind are read one after another, a while each; all others always.

Producers partition by symbol: what comes from one partition goes to fewer collections, so that as many messages on
their way make fewer and larger batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from aiokafka import TopicPartition

TURN_SECONDS = 10.0
FAR_BEHIND = 10_000  # less is read before turns would pay
SILENT_SECONDS = 1.0
TOGETHER_SECONDS = 10.0  # longer than a partition may stand still before the membership begins anew


class Turns:
    """Whose turn it is; `waiting` are those whose turn it is not.

    When the one whose turn it is gives nothing, all are read together for a while: whoever watches over partitions
    that stand still sees all of them then.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.waiting: Collection[TopicPartition] = frozenset()
        self._clock = clock
        self._whose: TopicPartition | None = None
        self._ends = 0.0
        self._looked = 0.0
        self._silent_seconds = 0.0
        self._together_until = 0.0

    def look(self, behind: Mapping[TopicPartition, int]) -> None:
        """Decide who waits during the next poll, by how many messages each partition is behind that takes turns."""
        self._looked = self._clock()
        far = sorted(key for key, messages in behind.items() if messages >= FAR_BEHIND)
        if len(far) < 2 or self._looked < self._together_until:
            self.waiting = frozenset()
            return
        if self._whose not in far or self._looked >= self._ends:
            self._begin(far)
        self.waiting = frozenset(far) - {self._whose}

    def gave(self, keys: Collection[TopicPartition]) -> None:
        """The poll since the last look brought something of these."""
        now = self._clock()
        self._silent_seconds = 0.0 if self._whose in keys else self._silent_seconds + now - self._looked
        if self.waiting and self._silent_seconds >= SILENT_SECONDS:
            self._together_until = now + TOGETHER_SECONDS

    def _begin(self, far: Sequence[TopicPartition]) -> None:
        """Let the next one have its turn."""
        last = self._whose
        self._whose = next((key for key in far if last is None or key > last), far[0])
        self._ends, self._silent_seconds = self._looked + TURN_SECONDS, 0.0
