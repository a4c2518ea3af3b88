"""From the tally to lineage rows: what one run did to each dataset, from each partition, in each interval."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import sub
from typing import Any, Literal

from consumer.pipeline.tally import FATES, Counts, Fate, Tally
from storage.metadata.rows import LineageRow, row_id
from storage.repositories.catalog import dataset_id
from storage.times import utc_now

LONGEST_ORIGIN = 255
"""Characters that fit into `source_dataset_id`."""

_NOTHING = (0,) * len(Fate)


class LineageReport:
    """Reads the tally and says what is new since it was last asked.

    `transformation` is "consume" or "replay".
    """

    def __init__(
        self,
        tally: Tally,
        *,
        run_id: str,
        market: str,
        transformation: Literal["consume", "replay"],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._tally = tally
        self._run_id = run_id
        self._market = market
        self._transformation = transformation
        self._now = now
        self._told: dict[Counts, tuple[int, ...]] = {}
        self._intervals = 0

    def rows(self) -> Iterator[LineageRow]:
        """One row for each dataset and partition that moved since it was last asked for, made when it is taken.

        What is not taken is told the next time.
        """
        self._intervals += 1
        now = self._now()
        # A list: whoever takes the rows may let others count in between.
        for counts in list(self._tally):
            if tuple(counts.fates) != self._told.get(counts, _NOTHING):
                yield self._row(counts, now)

    def last_rows(self) -> Iterator[LineageRow]:
        """The rows, and after them the closing row."""
        yield from self.rows()
        yield self.closing_row()

    def closing_row(self) -> LineageRow:
        """The row that ends the run: the totals of all that it did."""
        totals: dict[str, Any] = {name: self._tally.total(fate) for name, fate in zip(FATES, Fate, strict=True)}
        return LineageRow(
            lineage_id=row_id(self._run_id, "closed"),
            run_id=self._run_id,
            dataset_id=self._market,
            transformation="run",
            status="closed",
            timestamp=self._now(),
            **totals,
        )

    def _row(self, counts: Counts, now: datetime) -> LineageRow:
        fates = tuple(counts.fates)
        told = self._told.get(counts, _NOTHING)
        self._told[counts] = fates
        moved: dict[str, Any] = dict(zip(FATES, map(sub, fates, told), strict=True))
        span = counts.take_span()
        return LineageRow(
            lineage_id=row_id(self._run_id, self._intervals, counts.dataset, counts.source, counts.partition),
            run_id=self._run_id,
            dataset_id=dataset_id(self._market, counts.dataset),
            source_dataset_id=origin(counts.source, counts.partition),
            transformation=self._transformation,
            parameters={} if span is None else {"first": span[0], "last": span[1]},
            in_flight=counts.in_flight,
            timestamp=now,
            **moved,
        )


def origin(source: str, partition: str, longest: int = LONGEST_ORIGIN) -> str:
    """A source and its partition as an id; where that is too long, a digest of it and its end."""
    whole = f"{source}:{partition}"
    if len(whole) <= longest:
        return whole
    begin = f"{source}:{hashlib.sha256(whole.encode()).hexdigest()[:16]}..."
    return begin + whole[len(begin) - longest :]
