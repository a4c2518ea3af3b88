"""How far one partition is settled without a gap: what may be committed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

GAP = 64
"""So many offsets that are missing begin a new stretch: a set would take more than as many bytes for each offset."""


class Watermark:
    """The offsets of a partition that were given; `first` is the lowest that is not settled.

    Everything before `first` may be committed. It never passes an unsettled offset and, as long as
    something is unsettled, never goes back. Holes in the offsets (compaction, control records) hold nothing up.
    """

    __slots__ = ("_starts", "_stretches")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stretches: list[bytearray] = []  # from its start on, 1 for each offset that was given and is not settled

    def __len__(self) -> int:
        return sum(stretch.count(1) for stretch in self._stretches)

    @property
    def first(self) -> int | None:
        """The lowest offset that was given and is not settled; None when all are."""
        for count, stretch in enumerate(self._stretches):
            if (place := stretch.find(1)) >= 0:
                self._forget(count)
                self._starts[0] += place
                del stretch[:place]
                return self._starts[0]
        self._forget(len(self._stretches))
        return None

    def extend(self, offsets: Iterable[int]) -> None:
        """Note that somebody works on these; ascending, and above all that were given before."""
        for start, end in _ranges(list(offsets)):
            missing = start - self._end
            if not self._stretches or missing >= GAP:
                self._starts.append(start)
                self._stretches.append(bytearray())
                missing = 0
            self._stretches[-1] += bytes(missing) + b"\1" * (end - start)

    def settle(self, *offsets: int) -> None:
        """Note that these are done for good; one that was never given or is done changes nothing."""
        if not offsets:
            return
        start, stretch = self._stretch_of(min(offsets))
        if max(offsets) < start + len(stretch):
            for offset in offsets:
                stretch[offset - start] = 0
        else:
            self._settle_apart(offsets)

    @property
    def _end(self) -> int:
        """Where the last stretch ends."""
        return self._starts[-1] + len(self._stretches[-1]) if self._stretches else 0

    def _forget(self, count: int) -> None:
        """So many stretches from the front are settled: at once, because lists move what follows."""
        del self._starts[:count], self._stretches[:count]

    def _settle_apart(self, offsets: Iterable[int]) -> None:
        """The same for offsets of several stretches, or between them."""
        for offset in offsets:
            start, stretch = self._stretch_of(offset)
            if offset < start + len(stretch):
                stretch[offset - start] = 0

    def _stretch_of(self, offset: int) -> tuple[int, bytearray]:
        """The last stretch that begins before or at an offset, which may be behind its end."""
        place = bisect_right(self._starts, offset) - 1
        return (self._starts[place], self._stretches[place]) if place >= 0 else (offset, bytearray())


def _ranges(offsets: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Where the offsets begin and end, in one piece where none is missing."""
    if offsets and offsets[-1] - offsets[0] + 1 == len(offsets):
        return [(offsets[0], offsets[-1] + 1)]
    return ((offset, offset + 1) for offset in offsets)
