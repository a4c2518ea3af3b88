"""How far one partition is settled without a gap: what may be committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

BITS = 7
BLOCK, PLACE = 1 << BITS, (1 << BITS) - 1
"""Offsets that share a block: a byte each, where a set takes a hundred; so few that holes waste little."""


class Watermark:
    """The offsets of a partition that were given; `first` is the lowest that is not settled.

    Everything before `first` may be committed. It never passes an unsettled offset and, as long as
    something is unsettled, never goes back. Holes in the offsets (compaction, control records) hold nothing up.
    """

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}  # ascending; 1 is for each offset that was given and is not settled

    def __len__(self) -> int:
        return sum(block.count(1) for block in self._blocks.values())

    @property
    def first(self) -> int | None:
        """The lowest offset that was given and is not settled; None when all are."""
        while self._blocks:
            number, block = next(iter(self._blocks.items()))
            if (place := block.find(1)) >= 0:
                return number * BLOCK + place
            del self._blocks[number]
        return None

    def extend(self, offsets: Iterable[int]) -> None:
        """Note that somebody works on these; ascending, and above all that were given before."""
        more = list(offsets)
        for start, end in _ranges(more):
            for number in range(start >> BITS, (end - 1 >> BITS) + 1):
                self._give(number, max(0, start - number * BLOCK), min(BLOCK, end - number * BLOCK))

    def settle(self, *offsets: int) -> None:
        """Note that these are done for good; one that was never given or is done changes nothing."""
        block_of = self._blocks.get
        for offset in offsets:
            if (block := block_of(offset >> BITS)) is not None:
                block[offset & PLACE] = 0

    def _give(self, number: int, start: int, end: int) -> None:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = bytearray(BLOCK)
        block[start:end] = b"\1" * (end - start)


def _ranges(offsets: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Where the offsets begin and end, in one piece where none is missing."""
    if offsets and offsets[-1] - offsets[0] + 1 == len(offsets):
        return [(offsets[0], offsets[-1] + 1)]
    return ((offset, offset + 1) for offset in offsets)
