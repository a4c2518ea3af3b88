"""Which lineage rows wait, and which of them may already have arrived: values, no I/O."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from storage.metadata.rows import Counts, LineageRow


class Waiting(msgspec.Struct, frozen=True):
    """Rows that are not known to be in the database, in the order in which they must go there.

    The rows of one dataset and source partition are merged, so there are at most two for each: the
    rows of a send whose fate is unknown are frozen under their ids, to be recognised when they are sent
    again, and newer rows gather beside them.
    """

    frozen: tuple[LineageRow, ...] = ()
    pending: tuple[LineageRow, ...] = ()

    def __len__(self) -> int:
        return len(self.frozen) + len(self.pending)

    def add(self, rows: Iterable[LineageRow]) -> Waiting:
        """With newer rows, merged into the pending ones."""
        merged = {_place(row): row for row in self.pending}
        for row in rows:
            place = _place(row)
            older = merged.get(place)
            merged[place] = row if older is None else merge(older, row)
        return Waiting(self.frozen, tuple(merged.values()))

    def freeze(self) -> Waiting:
        """Ready to be sent: what is frozen, else what was pending."""
        return self if self.frozen else Waiting(frozen=self.pending)

    def delivered(self) -> Waiting:
        """What is left when the frozen rows have arrived."""
        return Waiting(pending=self.pending)


def merge(older: LineageRow, newer: LineageRow) -> LineageRow:
    """Two intervals as one: counts add up, positions run from the older's first to the newer's last."""
    counts = {name: getattr(older, name) + getattr(newer, name) for name in Counts.__struct_fields__}
    parameters = {**older.parameters, **newer.parameters}
    if "first" in older.parameters:
        parameters["first"] = older.parameters["first"]
    return msgspec.structs.replace(
        newer,
        **counts,
        lineage_id=older.lineage_id,
        parameters=parameters,
        execution_seconds=older.execution_seconds + newer.execution_seconds,
        trace_id=newer.trace_id or older.trace_id,
    )


def _place(row: LineageRow) -> tuple[str | None, ...]:
    return row.run_id, row.dataset_id, row.source_dataset_id, row.transformation, row.status
