"""The honest numbers: what was received and what became of it, for each dataset and source partition.

    received = stored + duplicate + stale + conflict + dead_lettered + ignored + returned + in flight

The unit is the record; a message that yields none counts as one. Lineage rows, metrics and the command
line all read these numbers, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Final


class Fate(IntEnum):
    """The ways of a record; the value is its place in a row of counts."""

    RECEIVED = 0
    STORED = 1
    DUPLICATE = 2
    STALE = 3
    CONFLICT = 4
    DEAD_LETTERED = 5
    IGNORED = 6
    RETURNED = 7


FATES: Final = tuple(fate.name.lower() for fate in Fate)

NO_DATASET: Final = "undecoded"
"""Where messages are counted that name no dataset: broken ones and control frames."""


class Counts:
    """The numbers of one dataset and source partition, and the span of positions they cover."""

    __slots__ = ("dataset", "fates", "first", "kind", "last", "partition", "source")

    def __init__(self, dataset: str, kind: str, source: str, partition: str) -> None:
        self.dataset = dataset
        self.kind = kind
        self.source = source
        self.partition = partition
        self.fates = [0] * len(Fate)
        self.first: int | None = None
        self.last: int | None = None

    def receive(self, records: int, first: int, last: int) -> None:
        """So many records came from these positions."""
        self.fates[Fate.RECEIVED] += records
        if self.first is None or self.last is None:
            self.first, self.last = first, last
        else:
            self.first, self.last = min(self.first, first), max(self.last, last)

    def take_span(self) -> tuple[int, int] | None:
        """The first and the last position since the last call; None when nothing came."""
        first, last, self.first, self.last = self.first, self.last, None, None
        return None if first is None or last is None else (first, last)

    @property
    def in_flight(self) -> int:
        """Received, and nothing became of it yet."""
        return self.fates[Fate.RECEIVED] - sum(self.fates[1:])


class Tally:
    """All counts since the start of the process."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counts] = {}

    def __iter__(self) -> Iterator[Counts]:
        return iter(self._counts.values())

    def of(self, dataset: str, kind: str, source: str, partition: str) -> Counts:
        """The counts of a dataset and partition, made when they are new."""
        counts = self._counts.get((dataset, partition))
        if counts is None:
            counts = self._counts[dataset, partition] = Counts(dataset, kind, source, partition)
        return counts

    def by_dataset(self) -> dict[str, dict[str, int]]:
        """The fates summed for each dataset, by their names."""
        return self._summed(lambda counts: counts.dataset)

    def by_kind(self) -> dict[str, dict[str, int]]:
        """The fates summed for each kind, by their names."""
        return self._summed(lambda counts: counts.kind)

    def _summed(self, group: Callable[[Counts], str]) -> dict[str, dict[str, int]]:
        totals: dict[str, dict[str, int]] = {}
        for counts in self:
            row = totals.setdefault(group(counts), dict.fromkeys(FATES, 0))
            for name, count in zip(FATES, counts.fates, strict=True):
                row[name] += count
        return totals

    def total(self, fate: Fate) -> int:
        """One fate summed over everything."""
        return sum(counts.fates[fate] for counts in self)
