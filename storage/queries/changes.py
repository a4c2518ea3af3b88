"""What an update may set: fields that are no part of the key, to values of their own type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.errors import RejectedError
from storage.queries.checks import checked
from storage.queries.filters import named
from storage.tables import AGG_TRADES, BOOK_TICKERS, CANDLES, DEPTH, LIQUIDATIONS, TRADES, Table

_OF_ALL = frozenset({"_id", "symbol", "timestamp"})
_OF_TABLES: Mapping[str, frozenset[str]] = {
    TRADES.name: frozenset({"trade_id"}),
    AGG_TRADES.name: frozenset({"agg_trade_id"}),
    CANDLES.name: frozenset({"timeframe"}),
    DEPTH.name: frozenset({"kind", "first_update_id", "last_update_id"}),
    BOOK_TICKERS.name: frozenset({"update_id"}),
    # The key of a liquidation holds the hash of the whole order.
    LIQUIDATIONS.name: frozenset(column.name for column in LIQUIDATIONS.columns),
}


def identity_of(table: Table) -> frozenset[str]:
    """The fields that say which document it is, and that nothing may change."""
    return _OF_ALL | _OF_TABLES.get(table.name, frozenset())


def parse_changes(table: Table, changes: object) -> dict[str, Any]:
    """Fields and their new values, None for one to remove; raises RejectedError, also for a part of the key."""
    entries = named(changes, "a change")
    if not entries:
        raise RejectedError("no field is given to change")
    columns = {column.name: column for column in table.columns}
    fixed = identity_of(table)
    for name, value in entries.items():
        if name in fixed:
            raise RejectedError(f"{name} says which document it is and cannot change")
        if name not in columns:
            raise RejectedError(f"there is no field {name[:80]!r}; known are {', '.join(columns)}")
        if value is None and columns[name].required:
            raise RejectedError(f"{name} cannot be removed: each of the {table.name} has it")
    return {
        name: None if value is None else checked(name, columns[name].type, value) for name, value in entries.items()
    }
