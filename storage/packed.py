"""Records that a store has encoded while they were decoded: most are only written, and nobody looks into them.

Making a record of Python values to take it apart again costs more than all the rest of the way
(docs/performance.md). A store that can do without offers `packs`; whoever has to look asks for the plain record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, overload

import msgspec

from storage.records import Record
from storage.tables import Table

PLAIN_DECIMAL = re.compile(r"(-?)([0-9]{1,20})(?:\.([0-9]{1,14}))?", re.ASCII)
"""A decimal as exchanges write it: sign, digits before and after the point, never more than 34 in all."""

Pack = Callable[..., tuple[str, str, Any]]
"""Symbol, key and what the store writes, from the columns of a table in their order.

All as on the wire: times are epochs (`epoch_ms`), decimals texts, levels pairs of such texts. Raises ValueError for
what it cannot vouch for; the plain way then says whether anything is wrong with it.
"""

Packs = Mapping[str, Pack]
"""By the name of the table."""

KEYS: Mapping[str, str] = {
    "trades": "{symbol}_{timestamp}_{trade_id}",
    "agg_trades": "{symbol}_{timestamp}_{agg_trade_id}",
    "mark_prices": "{symbol}_{timestamp}",
    "tickers": "{symbol}_{timestamp}",
    "mini_tickers": "{symbol}_{timestamp}",
    "book_tickers": "{symbol}_{update_id}",
}
"""The keys of the tables whose columns all have a fixed size, as f-strings over the columns."""

NO_PACKS: Packs = {}
"""For a store that is given plain records."""


def depth_key(symbol: str, kind: str, first: int | None, last: int, levels: int) -> str:
    """The key of an order book: a change by both of its ids, a snapshot by its last one and its size."""
    return f"{symbol}_{last}_s{levels}" if kind == "snapshot" else f"{symbol}_{first}_{last}"


def order_book_pack(document: Callable[..., bytes]) -> Pack:
    """The pack of order books, by what makes their document of key and columns."""

    def pack(symbol: str, *columns: Any) -> tuple[str, str, bytes]:
        timestamp, kind, first, last, previous, bids, asks, levels = columns
        key = depth_key(symbol, kind, first, last, levels)
        return symbol, key, document(key, symbol, timestamp, kind, first, last, previous, bids, asks)

    return pack


class Unpacks(Protocol):
    """Whoever knows what was on the wire."""

    def record(self, message: Any, place: int) -> Record:
        """The record at that place among those of a message."""
        ...


class Packed(msgspec.Struct, gc=False):
    """One record of a table as one store writes it.

    Nothing else is kept of it: the plain record is made of its message again, when somebody asks for it. `place` is
    its own among the records of the message: in a list several may share a key and contradict each other.
    """

    symbol: str
    key: str
    body: Any
    table: str
    message: Any = None
    unpacks: Unpacks | None = None
    place: int = 0

    def record(self) -> Record:
        """The plain record, made anew each time."""
        if self.unpacks is None:
            raise RuntimeError(f"{self.key} was packed without a way back to its record")
        return self.unpacks.record(self.message, self.place)


Item = Record | Packed
"""What a store is given to write."""


class Columns(Sequence[Packed]):
    """Packed records of one collection as columns: most are only written, and nobody asks for a single one.

    `symbols` are those of all, `each` makes the records, when somebody asks for one.
    """

    def __init__(
        self, symbols: Collection[str], keys: list[str], bodies: list[Any], each: Callable[[], Sequence[Packed]]
    ) -> None:
        self.symbols = symbols
        self.keys = keys
        self.bodies = bodies
        self._make = each

    @cached_property
    def _each(self) -> Sequence[Packed]:
        return self._make()

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> Packed: ...
    @overload
    def __getitem__(self, index: slice) -> Columns: ...
    def __getitem__(self, index: int | slice) -> Packed | Columns:
        if isinstance(index, int):
            return self._each[index]
        return Columns(self.symbols, self.keys[index], self.bodies[index], lambda: self._each[index])

    def pick(self, places: Sequence[int]) -> Columns:
        """Those records, in that order."""
        keys, bodies = [self.keys[place] for place in places], [self.bodies[place] for place in places]
        return Columns(self.symbols, keys, bodies, lambda: [self._each[place] for place in places])


def columns_of(items: Sequence[Item]) -> Columns | None:
    """The same items as columns; None when any of them is a plain record."""
    if isinstance(items, Columns):
        return items
    packed = [item for item in items if isinstance(item, Packed)]
    if len(packed) < len(items):
        return None
    keys, bodies = [item.key for item in packed], [item.body for item in packed]
    return Columns({item.symbol for item in packed}, keys, bodies, lambda: packed)


def plain(item: Item) -> Record:
    """The record that an item is."""
    return item.record() if isinstance(item, Packed) else item


def keys_of(table: Table, items: Sequence[Item]) -> list[str]:
    """The keys of items of this table."""
    if isinstance(items, Columns):
        return items.keys
    return [item.key if isinstance(item, Packed) else table.key(item) for item in items]
