"""The packs of `packing.py` once more, compiled; none where no compiler was there when this was installed.

`_packing.c` knows how values are written; which ones, under which names and keys, it is told here.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

from storage.adapters.mongodb.documents import name_of
from storage.packed import KEYS, Pack, Packs, depth_key
from storage.tables import TABLES, ColumnType, Table

try:
    from storage.adapters.mongodb import _packing
except ImportError:
    _packing = None  # type: ignore[assignment]  # the plain packs do its work

_TYPES = {ColumnType.INT: "q", ColumnType.TIME: "t", ColumnType.BOOL: "?", ColumnType.DECIMAL: "d"}


def _fixed(table: Table, key: str) -> Pack:
    columns = table.columns[1:]
    types = "".join(_TYPES[column.type] for column in columns)
    return _packing.Packer(_parts(table, key), types, tuple(name_of(column) for column in columns))


def _parts(table: Table, key: str) -> tuple[str | int, ...]:
    """The template of a key as its literal texts and the places of the columns between them."""
    names = [column.name for column in table.columns]
    parts: list[str | int] = []
    for literal, name, _, _ in Formatter().parse(key):
        parts += [literal] if literal else []
        parts += [names.index(name)] if name else []
    return tuple(parts)


def _depth(
    symbol: str,
    timestamp: int,
    kind: str,
    first: int | None,
    last: int,
    previous: int | None,
    bids: Sequence[tuple[str, str]],
    asks: Sequence[tuple[str, str]],
    levels: int,
) -> tuple[str, str, bytes]:
    key = depth_key(symbol, kind, first, last, levels)
    return symbol, key, _packing.order_book(key, symbol, timestamp, kind, first, last, previous, bids, asks)


PACKS: Packs = {name: _fixed(TABLES[name], key) for name, key in KEYS.items()} | {"depth": _depth} if _packing else {}
