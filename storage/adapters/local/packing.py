"""From the wire's own values to a row, without a record between them; Arrow reads the texts of decimals itself.

The plain twin is `parquet.encode` over the records; a property test holds the rows of both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from storage.packed import PLAIN_DECIMAL, Pack, Packs
from storage.tables import TABLES, ColumnType, Table


@lru_cache(maxsize=65_536)
def check_decimal(text: str | None) -> None:
    """Raise ValueError for a text that is no decimal as exchanges write it: Arrow would take more."""
    if text is not None and not PLAIN_DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not written as exchanges write it")


def _fixed(table: Table, key: Callable[..., str]) -> Pack:
    decimals = [place for place, column in enumerate(table.columns[1:]) if column.type is ColumnType.DECIMAL]

    def pack(symbol: str, *values: Any) -> tuple[str, str, Any]:
        for place in decimals:
            check_decimal(values[place])
        return symbol, key(symbol, *values), (symbol, *values)

    return pack


def _depth(symbol: str, timestamp: int, kind: str, first: Any, last: int, *rest: Any) -> tuple[str, str, Any]:
    previous, bids, asks, levels = rest
    _check_levels(bids)
    _check_levels(asks)
    key = f"{symbol}_{last}_s{levels}" if kind == "snapshot" else f"{symbol}_{first}_{last}"
    return symbol, key, (symbol, timestamp, kind, first, last, previous, bids, asks)


def _check_levels(levels: Sequence[tuple[str, str]]) -> None:
    for price, quantity in levels:
        check_decimal(price)
        check_decimal(quantity)


def _by_time(symbol: str, timestamp: int, *_: Any) -> str:
    return f"{symbol}_{timestamp}"


def _by_id(symbol: str, _: int, id: int, *__: Any) -> str:
    return f"{symbol}_{id}"


def _by_time_and_id(symbol: str, timestamp: int, id: int, *_: Any) -> str:
    return f"{symbol}_{timestamp}_{id}"


PACKS: Packs = {
    "trades": _fixed(TABLES["trades"], _by_time_and_id),
    "agg_trades": _fixed(TABLES["agg_trades"], _by_time_and_id),
    "mark_prices": _fixed(TABLES["mark_prices"], _by_time),
    "tickers": _fixed(TABLES["tickers"], _by_time),
    "mini_tickers": _fixed(TABLES["mini_tickers"], _by_time),
    "book_tickers": _fixed(TABLES["book_tickers"], _by_id),
    "depth": _depth,
}
