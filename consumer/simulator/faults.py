"""What can go wrong on the way to the bus, by name, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares of all messages, from 0 (never) to 1.

    gap: the connection of one symbol is lost for a while · duplicates: sent again · same_ms: several trades in
    one millisecond · late_candles: an update arrives after its candle was closed · disorder: overtaken by others ·
    broken: can never be stored · conflicts: a key that was used, with other content.
    """

    gap: float = 0.0
    duplicates: float = 0.0
    same_ms: float = 0.0
    late_candles: float = 0.0
    disorder: float = 0.0
    broken: float = 0.0
    conflicts: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= 1:
                raise ValueError(f"{field.name} must be a share from 0 to 1")

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """From names, each alone or with its share: `gap`, `duplicates=0.05`, `all`; raises ValueError."""
        shares: dict[str, float] = {}
        for word in words:
            name, equals, share = word.partition("=")
            if name != "all" and name not in USUAL:
                raise ValueError(f"no fault is called {name!r}: known are all, {', '.join(USUAL)}")
            for one in USUAL if name == "all" else (name,):
                shares[one] = float(share) if equals else USUAL[one]
        return cls(**shares)


USUAL = {
    "gap": 0.0005,
    "duplicates": 0.02,
    "same_ms": 0.01,
    "late_candles": 0.01,
    "disorder": 0.02,
    "broken": 0.005,
    "conflicts": 0.001,
}
"""The share of each fault that is asked for by its name alone."""


class Due:
    """Says when a fault is due so that its share is met exactly: in 1,000 messages a share of 0.005 is due 5 times."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._owed = 0.5

    def __call__(self) -> bool:
        """Whether this message is one."""
        self._owed += self._share
        if self._owed < 1:
            return False
        self._owed -= 1
        return True
