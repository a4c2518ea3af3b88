"""Which files of a collection are worth merging, and into what: few, large, sorted, none over another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from storage.adapters.local.manifest import File


@dataclass(frozen=True, slots=True)
class Sizes:
    """When files are merged; bytes are those of the columns in memory.

    Once a collection has `small_files` files below `small_bytes`, the next batch takes them in. A batch
    of a versioned kind also takes in files below `absorbed_bytes` that may hold its keys. A compaction
    makes files of `target_bytes`, and switches about `run_bytes` at once.
    """

    small_files: int = 64
    small_bytes: int = 1 << 20
    absorbed_bytes: int = 64 << 10
    target_bytes: int = 16 << 20
    run_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did; `superseded` rows had a newer version under the same `_id`."""

    files_before: int = 0
    files_after: int = 0
    rows: int = 0
    superseded: int = 0

    def __add__(self, other: Compaction) -> Compaction:
        return Compaction(
            self.files_before + other.files_before,
            self.files_after + other.files_after,
            self.rows + other.rows,
            self.superseded + other.superseded,
        )


def runs(files: Sequence[File], sizes: Sizes) -> list[list[File]]:
    """Files to merge with each other: groups that overlap, and small ones side by side.

    `files` come by their first time. What a run becomes overlaps no file outside of it.
    """
    found: list[list[File]] = [[]]
    size = 0
    for group in overlapping(files):
        alone = len(group) == 1 and group[0].size >= sizes.small_bytes
        if alone or size > sizes.run_bytes:
            found.append([])
            size = 0
        if not alone:
            found[-1] += group
            size += sum(file.size for file in group)
    return [run for run in found if len(run) > 1]


def overlapping(files: Sequence[File]) -> Iterator[list[File]]:
    """Groups of files, by their first time, none of which may hold a key of another group."""
    group: list[File] = []
    last_time = 0
    for file in files:
        # Where there are versions, files that meet in one millisecond may hold the same key.
        apart = file.first_time - last_time >= (1 if file.table.version else 0)
        if group and apart:
            yield group
            group = []
        last_time = max(last_time, file.last_time) if group else file.last_time
        group.append(file)
    if group:
        yield group


def parts(tables: Iterable[pa.Table], target_bytes: int) -> Iterator[pa.Table]:
    """The same rows in tables of at least `target_bytes`, the last one excepted."""
    gathered: list[pa.Table] = []
    size = 0
    for table in tables:
        gathered.append(table)
        size += table.nbytes
        if size >= target_bytes:
            yield pa.concat_tables(gathered)
            gathered, size = [], 0
    if gathered:
        yield pa.concat_tables(gathered)
