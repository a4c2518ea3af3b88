"""From the wire's own values to a row, without a record between them.

What is made here are tuples, and Arrow reads the texts of decimals itself; the compiled packs make bytes that are
columns of Arrow already (`packed_rows.py`). Property tests hold the rows of both equal to those of `parquet.encode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from storage.compiled import rows
from storage.packed import KEYS, PLAIN_DECIMAL, Pack, Packs, depth_key
from storage.tables import TABLES, ColumnType, Table
from storage.times import epoch_ms


@lru_cache(maxsize=65_536)
def check_decimal(text: str | None) -> None:
    """Raise ValueError for a text that is no decimal as exchanges write it: Arrow would take more."""
    if text is not None and not PLAIN_DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not written as exchanges write it")


_FIXED = """
def pack({names}):
    {times}
    {decimals}
    return symbol, f"{key}", ({names})
"""


def _fixed(table: Table, key: str) -> Pack:
    """The pack of a table, written from its columns once; `key` is written with their names."""
    source = _FIXED.format(
        names=", ".join(column.name for column in table.columns),
        times="; ".join(
            f"{column.name} = optional_ms({column.name})" for column in table.columns if column.type is ColumnType.TIME
        ),
        decimals="; ".join(
            f"check_decimal({column.name})" for column in table.columns if column.type is ColumnType.DECIMAL
        ),
        key=key,
    )
    found: dict[str, Any] = {"optional_ms": optional_ms, "check_decimal": check_decimal}
    exec(source, found)  # noqa: S102  # nothing in it comes from outside
    pack: Pack = found["pack"]
    return pack


def optional_ms(epoch: int | None) -> int | None:
    """A time that may be absent, in milliseconds; raises ValueError for what is none."""
    return None if epoch is None else epoch_ms(epoch)


def _depth(symbol: str, timestamp: int, kind: str, first: Any, last: int, *rest: Any) -> tuple[str, str, Any]:
    previous, bids, asks, levels = rest
    _check_levels(bids)
    _check_levels(asks)
    return (
        symbol,
        depth_key(symbol, kind, first, last, levels),
        (symbol, epoch_ms(timestamp), kind, first, last, previous, bids, asks),
    )


def _check_levels(levels: Sequence[tuple[str, str]]) -> None:
    for price, quantity in levels:
        check_decimal(price)
        check_decimal(quantity)


PLAIN: Packs = {name: _fixed(TABLES[name], key) for name, key in KEYS.items()} | {"depth": _depth}
PACKS: Packs = {**PLAIN, **rows()}
