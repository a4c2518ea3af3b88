"""How far one partition is settled without a gap: what may be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence


class Watermark:
    """The offsets of a partition that were given; `first` is the lowest that is not settled.

    Everything before `first` may be committed. It never passes an unsettled offset and, as long as
    something is unsettled, never goes back. Holes in the offsets (compaction, control records) hold nothing up.
    """

    __slots__ = ("_given", "_place", "_unsettled")

    def __init__(self) -> None:
        self._given: deque[Sequence[int]] = deque()
        self._place = 0  # in the first of them; whatever comes before it is settled
        self._unsettled: set[int] = set()

    def __len__(self) -> int:
        return len(self._unsettled)

    @property
    def first(self) -> int | None:
        """The lowest offset that was given and is not settled; None when all are."""
        while self._given:
            for offset in self._given[0][self._place :]:
                if offset in self._unsettled:
                    return offset
                self._place += 1
            self._given.popleft()
            self._place = 0
        return None

    def extend(self, offsets: Iterable[int]) -> None:
        """Note that somebody works on these; ascending, and above all that were given before."""
        more = list(offsets)
        self._unsettled.update(more)
        self._given.append(_without_their_objects(more))

    def settle(self, *offsets: int) -> None:
        """Note that these are done for good; one that was never given or is done changes nothing."""
        self._unsettled.difference_update(offsets)


def _without_their_objects(offsets: Sequence[int]) -> Sequence[int]:
    """The same numbers; where none is missing they take no memory, while what comes before them is not settled."""
    if offsets and offsets[-1] - offsets[0] + 1 == len(offsets):
        return range(offsets[0], offsets[-1] + 1)
    return offsets
