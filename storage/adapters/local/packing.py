"""From the wire's own values to a row, without a record between them; Arrow reads the texts of decimals itself.

The plain twin is `parquet.encode` over the records; a property test holds the rows of both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from storage.packed import KEYS, PLAIN_DECIMAL, Pack, Packs, depth_key
from storage.tables import TABLES, ColumnType, Table


@lru_cache(maxsize=65_536)
def check_decimal(text: str | None) -> None:
    """Raise ValueError for a text that is no decimal as exchanges write it: Arrow would take more."""
    if text is not None and not PLAIN_DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not written as exchanges write it")


def _fixed(table: Table, key: str) -> Pack:
    key_of = _key_of(table, key)
    decimals = [place for place, column in enumerate(table.columns[1:]) if column.type is ColumnType.DECIMAL]

    def pack(symbol: str, *values: Any) -> tuple[str, str, Any]:
        for place in decimals:
            check_decimal(values[place])
        return symbol, key_of(symbol, *values), (symbol, *values)

    return pack


def _depth(symbol: str, timestamp: int, kind: str, first: Any, last: int, *rest: Any) -> tuple[str, str, Any]:
    previous, bids, asks, levels = rest
    _check_levels(bids)
    _check_levels(asks)
    return (
        symbol,
        depth_key(symbol, kind, first, last, levels),
        (symbol, timestamp, kind, first, last, previous, bids, asks),
    )


def _check_levels(levels: Sequence[tuple[str, str]]) -> None:
    for price, quantity in levels:
        check_decimal(price)
        check_decimal(quantity)


def _key_of(table: Table, key: str) -> Callable[..., str]:
    """The f-string as a function of the columns, written once."""
    names = ", ".join(column.name for column in table.columns)
    found: Callable[..., str] = eval(f"lambda {names}: f{key!r}")  # noqa: S307  # nothing in it comes from outside
    return found


PACKS: Packs = {name: _fixed(TABLES[name], key) for name, key in KEYS.items()} | {"depth": _depth}
