"""A file as the pipeline sees it: the rows are its lines, which become messages when somebody looks at one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from consumer.messages import Delivery, RawHeaders, Settlement, Settler
from consumer.runs import Run
from consumer.sources import capture

Row = tuple[int, bytes]
"""The number of a line, and the line."""
_number: Callable[[Row], int] = itemgetter(0)
_line: Callable[[Row], bytes] = itemgetter(1)


class LinesSettler(Settler, Protocol):
    """The source of lines."""

    def settled_lines(self, file: str, numbers: Sequence[int], settlement: Settlement) -> None:
        """Note the fate of lines of a file."""
        ...


class FileChannel(NamedTuple):
    """The lines of one file."""

    source: str
    partition: str
    settler: LinesSettler

    def run(self, rows: Sequence[Row]) -> Run:
        """Lines as they are handed on."""
        return Run(self, rows, capture.bodies(list(map(_line, rows))))

    def offset(self, row: Row) -> int:
        return row[0]

    def headers(self, row: Row) -> RawHeaders | None:
        return capture.read(row[1], self.partition, row[0]).raw_headers

    def deliveries(self, rows: Sequence[Row]) -> list[Delivery]:
        return [Delivery(capture.read(line, self.partition, number), self.settler) for number, line in rows]

    def settle(self, rows: Sequence[Row], settlement: Settlement) -> None:
        self.settler.settled_lines(self.partition, list(map(_number, rows)), settlement)
