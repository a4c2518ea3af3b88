"""How many seeds each scenario runs: what is quick many, what takes minutes one.

`FAULT_SEEDS` is the number for each stage of a kill, `FAULT_SEED` the first of them; one seed is the default.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

COUNT = int(os.environ.get("FAULT_SEEDS", "1"))
FIRST = int(os.environ.get("FAULT_SEED", "1"))
QUICK_PART = 25
"""A scenario that takes seconds and not one process only gets this part of the seeds of a kill."""


def seeds(count: int) -> range:
    """So many seeds, one at least."""
    return range(FIRST, FIRST + max(1, count))


def seeds_of(test: pytest.Item) -> range:
    """A mark says where it is not the part for what is quick: `killed` takes all, `minutes` one."""
    if test.get_closest_marker("minutes"):
        return seeds(1)
    return seeds(COUNT if test.get_closest_marker("killed") else COUNT // QUICK_PART)


def has_its_own(test: pytest.Item) -> bool:
    """Whether the test says its seeds itself."""
    return any("seed" in marker.args[0] for marker in test.iter_markers("parametrize"))


def spans(numbers: Sequence[int]) -> str:
    """1-3, 7: what follows each other as one."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)
