"""A flood of one event becomes a few log lines that add up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Key = tuple[object, ...]
Amounts = Mapping[str, float]

MAX_KEYS = 1024
"""Beyond it, events under new keys pass as they come: a wrong key must not cost memory."""


Fields = Mapping[str, object]


@dataclass(slots=True)
class Held:
    """The events of one key since its last line: how many, the newest of them, the sums of their amounts."""

    since: float
    times: int = 0
    newest: Fields = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, fields: Fields, amounts: Amounts) -> None:
        """One event more."""
        self.times += 1
        self.newest = fields
        for name, amount in amounts.items():
            self.sums[name] = self.sums.get(name, 0) + amount

    @property
    def line(self) -> Fields:
        """The fields of the one line that stands for all of them."""
        return {**self.newest, **self.sums, **({"occurrences": self.times} if self.times > 1 else {})}


class Throttle:
    """Lets the first event of a key pass at once and gathers those of the next `seconds`.

    Every event is told exactly once: by its own line, or by the sum of a later one. Times are seconds of
    a clock that the caller chooses.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._held: dict[Key, Held] = {}

    def tell(self, key: Key, fields: Fields, amounts: Amounts, now: float) -> Fields | None:
        """The line for this event and those held back before it; None when it is held back itself."""
        held = self._held.get(key)
        quiet = held is not None and now - held.since < self.seconds
        told = held or Held(now)
        told.add(fields, amounts)
        if quiet:
            return None
        if held is not None or len(self._held) < MAX_KEYS:
            self._held[key] = Held(now)
        return told.line

    def due(self, now: float, *, all_of_them: bool = False) -> list[Fields]:
        """The lines for what was held back long enough; keys that were quiet are forgotten."""
        old = [key for key, held in self._held.items() if all_of_them or now - held.since >= self.seconds]
        gathered = [(key, self._held.pop(key)) for key in old]
        due = [(key, held) for key, held in gathered if held.times]
        if not all_of_them:
            self._held.update({key: Held(now) for key, _ in due})
        return [held.line for _, held in due]
