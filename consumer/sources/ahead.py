"""Lines that were read ahead: blocks come in, chunks of them go out, in their order.

They become messages only when they are asked for: made by the thread that reads, long before anybody decodes them, they
cost half a microsecond more each (docs/performance.md).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from itertools import accumulate, compress
from typing import NamedTuple

from consumer.tasks import occurs


class Lines(NamedTuple):
    """Lines of one file that follow each other; `first` is the number of the first."""

    file: str
    first: int
    lines: list[bytes]

    @property
    def numbered(self) -> list[tuple[int, bytes]]:
        """Each line that is not empty, and its number."""
        return list(compress(enumerate(self.lines, self.first), self.lines))

    @property
    def numbers(self) -> list[int]:
        """The numbers of those."""
        return list(compress(range(self.first, self.first + len(self.lines)), self.lines))

    @property
    def size(self) -> int:
        """Their bytes, with the end of each: a block of nothing but ends is not for free."""
        return sum(map(len, self.lines)) + len(self.lines)


class Ahead:
    """First in, first out. It refuses nothing: whoever puts something in keeps to its own bounds."""

    def __init__(self) -> None:
        self.bytes = 0
        self._blocks: deque[Lines] = deque()
        self._taken = 0  # lines of the first block
        self._filled = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def put(self, block: Lines) -> None:
        """Append a block."""
        self._blocks.append(block)
        self.bytes += block.size
        self._filled.set()

    async def take(self, max_lines: int, max_bytes: int, seconds: float) -> Lines | None:
        """The oldest lines of one block, as many as both bounds allow but at least one; None when nothing comes.

        Cancelling it takes nothing.
        """
        if not self._blocks:
            self._filled.clear()
            await occurs(self._filled, seconds)
        return self._cut(max_lines, max_bytes) if self._blocks else None

    def wake(self) -> None:
        """Let whoever waits return with nothing."""
        self._filled.set()

    def _cut(self, max_lines: int, max_bytes: int) -> Lines:
        file, first, lines = self._blocks[0]
        asked = lines[self._taken : self._taken + max_lines]
        if sum(map(len, asked)) > max_bytes:
            asked = asked[: max(1, bisect_right(list(accumulate(map(len, asked))), max_bytes))]
        cut = Lines(file, first + self._taken, asked)
        self.bytes -= cut.size
        self._taken += len(cut.lines)
        if self._taken == len(lines):
            self._blocks.popleft()
            self._taken = 0
        return cut
