"""Whether the numbers add up: received = stored + duplicate + … + returned, for every run that has ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from storage.metadata.rows import OUTCOMES, Counts, LineageTotals


class Kind(StrEnum):
    """What a finding says."""

    OPEN = "open interval"
    UNBALANCED = "unbalanced"
    MISSING_ROWS = "missing rows"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A sum that does not come out even; `difference` is in records.

    OPEN: a run that was killed, or still goes, has this many records in its last interval; they were
    given back to the bus and are no failure. UNBALANCED: a run that has ended received this many
    records more (or fewer) than have ended. MISSING_ROWS: the totals that a run took down at its end
    are this much greater (or smaller) than its rows.
    """

    run_id: str
    dataset_id: str
    kind: Kind
    difference: int
    text: str

    @property
    def failure(self) -> bool:
        """Whether a promise is broken."""
        return self.kind is not Kind.OPEN


def verify(totals: Sequence[LineageTotals]) -> list[Finding]:
    """What does not add up in the totals of the lineage; an empty list is the proof that all of it does."""
    findings: list[Finding] = []
    for run_id, of_run in _by_run(totals).items():
        closing = [total for total in of_run if total.transformation == "run" and total.closed]
        datasets = _by_dataset(total for total in of_run if total.transformation != "run")
        findings += _uneven(run_id, datasets, ended=bool(closing))
        findings += [finding for total in closing for finding in _missing(total, add(datasets.values()))]
    return findings


def add(counts: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    every = list(counts)
    return Counts(**{name: sum(getattr(one, name) for one in every) for name in Counts.__struct_fields__})


def _uneven(run_id: str, datasets: Mapping[str, Counts], *, ended: bool) -> Iterable[Finding]:
    for dataset_id, counts in datasets.items():
        if counts.difference == 0:
            continue
        # Nothing can end that was never received: that is wrong in a run that goes on, too.
        kind = Kind.UNBALANCED if ended or counts.difference < 0 else Kind.OPEN
        text = f"received {counts.received}, ended {counts.settled} ({_as_words(counts)})"
        yield Finding(run_id=run_id, dataset_id=dataset_id, kind=kind, difference=counts.difference, text=text)


def _missing(closing: LineageTotals, rows: Counts) -> Iterable[Finding]:
    for name in ("received", *OUTCOMES):
        at_end, in_rows = getattr(closing, name), getattr(rows, name)
        if at_end != in_rows:
            yield Finding(
                run_id=closing.run_id,
                dataset_id=closing.dataset_id,
                kind=Kind.MISSING_ROWS,
                difference=at_end - in_rows,
                text=f"{name}: {at_end} when the run ended, {in_rows} in its rows",
            )


def _as_words(counts: Counts) -> str:
    return ", ".join(f"{name} {getattr(counts, name)}" for name in OUTCOMES if getattr(counts, name))


def _by_run(totals: Iterable[LineageTotals]) -> Mapping[str, list[LineageTotals]]:
    runs: defaultdict[str, list[LineageTotals]] = defaultdict(list)
    for total in totals:
        runs[total.run_id].append(total)
    return runs


def _by_dataset(totals: Iterable[LineageTotals]) -> Mapping[str, Counts]:
    datasets: defaultdict[str, list[LineageTotals]] = defaultdict(list)
    for total in totals:
        datasets[total.dataset_id].append(total)
    return {dataset_id: add(parts) for dataset_id, parts in datasets.items()}
