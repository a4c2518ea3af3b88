"""How far one partition is settled without a gap: what may be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Watermark:
    """The offsets of a partition that were given; `first` is the lowest that is not settled.

    Everything before `first` may be committed. It never passes an unsettled offset and, as long as
    something is unsettled, never goes back. Holes in the offsets (compaction, control records) hold nothing up.
    """

    __slots__ = ("_given", "_unsettled")

    def __init__(self) -> None:
        self._given: deque[int] = deque()
        self._unsettled: set[int] = set()

    def __len__(self) -> int:
        return len(self._unsettled)

    @property
    def first(self) -> int | None:
        """The lowest offset that was given and is not settled; None when all are."""
        given, unsettled = self._given, self._unsettled
        while given and given[0] not in unsettled:
            given.popleft()
        return given[0] if given else None

    def extend(self, offsets: Iterable[int]) -> None:
        """Note that somebody works on these; ascending, and above all that were given before."""
        more = list(offsets)
        self._given.extend(more)
        self._unsettled.update(more)

    def settle(self, *offsets: int) -> None:
        """Note that these are done for good; one that was never given or is done changes nothing."""
        self._unsettled.difference_update(offsets)
