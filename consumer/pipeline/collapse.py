"""Several records of one key in one batch: unordered bulk writes would reorder them, so one of them leads.

The leader is the newest version, or the first where there are no versions. Records that say the same as
their leader, or something older, share its fate; a record that says something else waits for a round of
its own, so that the store itself compares it with what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage import Outcome, Record, Result, Table
from storage.outcomes import DUPLICATE, STALE
from storage.packed import Item, keys_of, plain


@dataclass(slots=True)
class Round:
    """One write: indexes of the leaders, for each follower its leader and its own fate, and who waits."""

    leaders: Sequence[int]
    followers: dict[int, tuple[int, Result]] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)

    def fates(self, results: Sequence[Result]) -> dict[int, Result]:
        """The fate of each record of this round, given those of the leaders in their order."""
        fates = dict(zip(self.leaders, results, strict=True))
        for index, (leader, fate) in self.followers.items():
            durable = fates[leader].outcome in (Outcome.STORED, Outcome.DUPLICATE, Outcome.STALE)
            fates[index] = fate if durable else fates[leader]
        return fates


def collapse(table: Table, items: Sequence[Item]) -> Round:
    """Choose the leaders among records; the keys of the leaders are unique."""
    keys = keys_of(table, items)
    if len(set(keys)) == len(keys):
        return Round(range(len(items)))
    by_key: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        by_key.setdefault(key, []).append(index)
    chosen = Round([])
    same_keys = [{index: plain(items[index]) for index in indexes} for indexes in by_key.values()]
    chosen.leaders = [_choose(table, records, chosen) for records in same_keys]
    return chosen


def _choose(table: Table, records: Mapping[int, Record], chosen: Round) -> int:
    """The leader of records of one key; the others are noted."""
    leader = max(records, key=lambda index: table.version_of(records[index])) if table.version else min(records)
    content = table.to_document(records[leader])
    for index in records:
        if index == leader:
            continue
        if table.version and table.version_of(records[index]) < table.version_of(records[leader]):
            chosen.followers[index] = (leader, STALE)
        elif table.same_content(records[index], content):
            chosen.followers[index] = (leader, DUPLICATE)
        else:
            chosen.waiting.append(index)
    return leader
