"""The order book at a moment: a snapshot, then every change that followed it, and none missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from storage.errors import RejectedError
from storage.records import Depth, Level


class BookUnknown(RejectedError):
    """What is stored does not say how the book stood: no snapshot, or changes are missing in between."""


@dataclass(frozen=True, slots=True)
class Book:
    """All levels that are known, the best first; `timestamp` is that of the last change.

    A snapshot of the best 20 levels tells nothing of the 21st. So bids below `bid_floor` and asks above
    `ask_ceiling` are not known and not there; None: the whole side is.
    """

    symbol: str
    timestamp: datetime
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    bid_floor: Decimal | None
    ask_ceiling: Decimal | None

    @property
    def is_whole(self) -> bool:
        """Whether both sides are known down to their last level."""
        return self.bid_floor is None and self.ask_ceiling is None


class BookBuilder:
    """Applies changes to a snapshot, in the order of their update ids.

    A change holds what is new after the update `previous_update_id` (futures) or `first_update_id` - 1
    (spot), up to `last_update_id`. Changes may overlap: quantities are absolute.
    """

    def __init__(self, snapshot: Depth) -> None:
        self._last = snapshot
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self._bid_floor = _limit(snapshot, snapshot.bids, min)
        self._ask_ceiling = _limit(snapshot, snapshot.asks, max)

    def apply(self, diff: Depth) -> None:
        """Take one change; raises BookUnknown when one before it is missing."""
        if diff.last_update_id <= self._last.last_update_id:
            return
        if (before := _before(diff)) is None or before > self._last.last_update_id:
            raise BookUnknown(
                f"the order book of {diff.symbol} cannot be rebuilt: its changes from update "
                f"{self._last.last_update_id} to {'?' if before is None else before} are missing, "
                f"at {diff.timestamp.isoformat()}"
            )
        _change(self._bids, diff.bids)
        _change(self._asks, diff.asks)
        self._last = diff

    def book(self) -> Book:
        """The book as it stands."""
        bids = [level for level in self._bids.items() if self._bid_floor is None or level[0] >= self._bid_floor]
        asks = [level for level in self._asks.items() if self._ask_ceiling is None or level[0] <= self._ask_ceiling]
        return Book(
            symbol=self._last.symbol,
            timestamp=self._last.timestamp,
            last_update_id=self._last.last_update_id,
            bids=tuple(sorted(bids, reverse=True)),
            asks=tuple(sorted(asks)),
            bid_floor=self._bid_floor,
            ask_ceiling=self._ask_ceiling,
        )


def _before(diff: Depth) -> int | None:
    if diff.previous_update_id is not None:
        return diff.previous_update_id
    return None if diff.first_update_id is None else diff.first_update_id - 1


def _limit(snapshot: Depth, side: tuple[Level, ...], worst: Callable[[Iterable[Decimal]], Decimal]) -> Decimal | None:
    """The worst price that is known, or None when the snapshot had room for more levels than there were."""
    return None if len(side) < snapshot.levels or not side else worst(price for price, _ in side)


def _change(side: dict[Decimal, Decimal], levels: tuple[Level, ...]) -> None:
    for price, quantity in levels:
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
