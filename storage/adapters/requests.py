"""What a caller may ask of a store: names, ranges and limits, checked before the store hears of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from storage.errors import RejectedError
from storage.outcomes import Reason, Result, rejected
from storage.packed import Columns, Item, plain
from storage.tables import SYMBOL, TABLES, TIMEFRAME, Table, table_of_collection

_NAMES = {
    table.name: re.compile(
        f"{table.name}_{SYMBOL.pattern}" + (f"_{TIMEFRAME.pattern}" if table.has_timeframe else ""), re.ASCII
    )
    for table in TABLES.values()
}
_FREE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_OUR_OWN = ("dead_letters", "conflicts", "tapestore_")


def may_hold(table: Table, collection: str) -> bool:
    """Whether a collection of this name holds records of this table."""
    return _NAMES[table.name].fullmatch(collection) is not None


def refusals(table: Table, collection: str, records: Sequence[Item]) -> dict[int, Result]:
    """Why records cannot enter the collection, by their place: it holds one symbol (and timeframe) of one kind."""
    if not may_hold(table, collection):
        refused = rejected(Reason.INVALID_SYMBOL, f"{collection[:80]!r} can hold no {table.name}")
        return dict.fromkeys(range(len(records)), refused)
    symbol, timeframe = meant_by(table, collection)
    if isinstance(records, Columns) and timeframe is None and records.symbols == {symbol}:
        return {}
    return {
        place: rejected(Reason.INVALID_SYMBOL, f"{collection} does not hold a {_named(record)}")
        for place, record in enumerate(records)
        if record.symbol != symbol or (timeframe and getattr(record, "timeframe", None) != timeframe)
    }


def meant_by(table: Table, collection: str) -> tuple[str, str | None]:
    """The symbol and the timeframe that a collection's name means; the name must have been checked."""
    symbol = collection.removeprefix(f"{table.name}_")
    if not table.has_timeframe:
        return symbol, None
    symbol, _, timeframe = symbol.rpartition("_")
    return symbol, timeframe


def _named(record: Item) -> str:
    timeframe = getattr(record, "timeframe", "")
    return f"{type(plain(record)).__name__} of {record.symbol!r:.80}{timeframe and f' {timeframe!r:.20}'}"


def is_market(collection: str) -> bool:
    """Whether a collection of this name holds market data."""
    return any(name.fullmatch(collection) for name in _NAMES.values())


def table_asked(collection: str) -> Table:
    """The table of a collection that somebody asks for; raises RejectedError for any other name."""
    if not is_market(collection):
        raise RejectedError(f"{collection[:80]!r} is no collection of market data, such as trades_BTCUSDT")
    return table_of_collection(collection)


def may_be_free(collection: str) -> bool:
    """Whether a collection of this name may hold free documents."""
    return _FREE.fullmatch(collection) is not None and not is_market(collection) and not collection.startswith(_OUR_OWN)


def question_asked(collection: str) -> Table | None:
    """The table that a question is about, None for free documents; raises RejectedError for any other name."""
    return None if may_be_free(collection) else table_asked(collection)


def check_free(collection: str) -> None:
    """Raise RejectedError for a name that can hold no free documents."""
    if not may_be_free(collection):
        raise RejectedError(
            f"{collection[:80]!r} can hold no free documents: a letter, then letters, digits and _ in lower case, "
            "at most 63; market data and letters have names of their own"
        )


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Raise RejectedError for a naive time, or for a range that cannot hold anything."""
    for time in (start, end):
        if time is not None and time.utcoffset() is None:
            raise RejectedError(f"{time.isoformat()} is naive: say which time zone it is in")
    if start is not None and end is not None and start >= end:
        raise RejectedError(f"the range starts at {start.isoformat()} and ends before that, at {end.isoformat()}")


def check_limit(limit: int) -> None:
    """Raise RejectedError for a limit below one."""
    if limit < 1:
        raise RejectedError(f"a limit is at least 1, not {limit}")
