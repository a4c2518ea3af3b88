"""The one declaration of each kind: its collection, columns, key and version.

Every adapter compiles its encoder, its decoder and its indexes from these tables, so a field is
written down once: in `records.py`.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

from storage.records import (
    AggTrade,
    BookTicker,
    Candle,
    Depth,
    FundingRate,
    Liquidation,
    MarkPrice,
    MiniTicker,
    Record,
    Ticker,
    Trade,
)
from storage.times import to_ms

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,63}", re.ASCII)
TIMEFRAME = re.compile(r"[0-9]{1,3}[smhdwM]", re.ASCII)

NOT_STORED = frozenset({"bus_time", "levels", "digest"})
"""Attributes of records that are no columns: they only shape the key or the comparison."""


class ColumnType(Enum):
    """The types that every store must carry without loss."""

    TEXT = "text"
    INT = "int64"
    BOOL = "bool"
    DECIMAL = "decimal, 20 digits before and 18 after the point"
    TIME = "UTC, milliseconds"
    LEVELS = "list of [price, quantity]"


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a document."""

    name: str
    type: ColumnType
    required: bool


@dataclass(frozen=True)
class Table:
    """One kind of record: where it lives, what identifies it, and which of two versions wins.

    `version` names columns, most significant first; the record with the greater values wins and an
    absent value is smaller than any. Without a version the first content of a key stays.
    """

    name: str
    record: type[Any]
    key: Callable[[Any], str]
    version: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the document after `_id`, in their order."""
        return tuple(_columns(self.record))

    @cached_property
    def has_timeframe(self) -> bool:
        """Whether each timeframe has a collection of its own."""
        return any(column.name == "timeframe" for column in self.columns)

    def collection(self, record: Record) -> str:
        """The collection that this record belongs to."""
        return self.collection_of(record.symbol, getattr(record, "timeframe", None))

    def collection_of(self, symbol: str, timeframe: str | None = None) -> str:
        """The collection of a symbol; raises ValueError for a name that must not reach a store."""
        if not SYMBOL.fullmatch(symbol):
            raise ValueError(f"invalid symbol {symbol[:80]!r}: expected letters, digits, '_' and '-', at most 64")
        if not self.has_timeframe:
            return f"{self.name}_{symbol}"
        if timeframe is None or not TIMEFRAME.fullmatch(timeframe):
            raise ValueError(f"{self.name} need a timeframe such as 1m or 4h, not {timeframe!r}")
        return f"{self.name}_{symbol}_{timeframe}"

    def version_of(self, record: Record) -> tuple[tuple[bool, Any], ...]:
        """The version of a record as a value that compares."""
        return tuple((value is not None, value) for value in (getattr(record, name) for name in self.version))

    def to_document(self, record: Record) -> dict[str, Any]:
        """The record as a document of Python values; absent fields are left out."""
        document: dict[str, Any] = {"_id": self.key(record)}
        for column in self.columns:
            value = getattr(record, column.name)
            if value is not None:
                document[column.name] = value
        return document

    def to_record(self, document: Mapping[str, Any]) -> Record:
        """The record that a document of Python values was written from."""
        values = {column.name: document.get(column.name) for column in self.columns}
        values |= _unstored(self.record, str(document["_id"]))
        record: Record = self.record(**values)
        return record

    def same_content(self, incoming: Record, stored: Mapping[str, Any]) -> bool:
        """Whether every field of `incoming` stands in `stored`: decimals numerically, a bus time left out."""
        for column in self.columns:
            if column.name == "timestamp" and incoming.bus_time:
                continue
            value = getattr(incoming, column.name)
            if value is not None and value != stored.get(column.name):
                return False
        return True


def _columns(record: type[Any]) -> typing.Iterator[Column]:
    hints = typing.get_type_hints(record)
    names = [field.name for field in msgspec.structs.fields(record) if field.name not in NOT_STORED]
    for name in ["symbol", "timestamp", *(name for name in names if name not in ("symbol", "timestamp"))]:
        yield Column(name, _column_type(hints[name]), types.NoneType not in typing.get_args(hints[name]))


def _column_type(hint: Any) -> ColumnType:
    options = [option for option in typing.get_args(hint) if option is not types.NoneType] or [hint]
    known = {
        str: ColumnType.TEXT,
        int: ColumnType.INT,
        bool: ColumnType.BOOL,
        Decimal: ColumnType.DECIMAL,
        datetime: ColumnType.TIME,
    }
    if typing.get_origin(hint) is tuple:
        return ColumnType.LEVELS
    if typing.get_origin(hint) is typing.Literal:
        return ColumnType.TEXT
    return known[options[0]]


def _unstored(record: type[Any], key: str) -> dict[str, Any]:
    """What the key alone remembers of a record."""
    if record is Liquidation:
        return {"digest": key.rsplit("_", 1)[1]}
    if record is Depth and (snapshot := re.search(r"_s(\d+)$", key)):
        return {"levels": int(snapshot[1])}
    return {}


def _by_time(record: Record) -> str:
    return f"{record.symbol}_{to_ms(record.timestamp)}"


def _depth_key(record: Depth) -> str:
    if record.kind == "snapshot":
        return f"{record.symbol}_{record.last_update_id}_s{record.levels}"
    return f"{record.symbol}_{record.first_update_id}_{record.last_update_id}"


TRADES = Table("trades", Trade, lambda r: f"{r.symbol}_{to_ms(r.timestamp)}_{r.trade_id}")
AGG_TRADES = Table("agg_trades", AggTrade, lambda r: f"{r.symbol}_{to_ms(r.timestamp)}_{r.agg_trade_id}")
CANDLES = Table("candles", Candle, _by_time, ("is_closed", "event_time", "trades_count", "volume"))
DEPTH = Table("depth", Depth, _depth_key)
FUNDING_RATES = Table("funding_rates", FundingRate, _by_time, ("is_settled", "event_time"))
MARK_PRICES = Table("mark_prices", MarkPrice, _by_time)
TICKERS = Table("tickers", Ticker, _by_time)
MINI_TICKERS = Table("mini_tickers", MiniTicker, _by_time)
BOOK_TICKERS = Table("book_tickers", BookTicker, lambda r: f"{r.symbol}_{r.update_id}")
LIQUIDATIONS = Table("liquidations", Liquidation, lambda r: f"{_by_time(r)}_{r.digest}")

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        TRADES,
        AGG_TRADES,
        CANDLES,
        DEPTH,
        FUNDING_RATES,
        MARK_PRICES,
        TICKERS,
        MINI_TICKERS,
        BOOK_TICKERS,
        LIQUIDATIONS,
    )
}
TABLE_OF: Mapping[type[Record], Table] = {table.record: table for table in TABLES.values()}


def table_of_collection(collection: str) -> Table:
    """The table that a collection's name belongs to; raises ValueError when there is none."""
    for name in sorted(TABLES, key=len, reverse=True):
        if collection.startswith(f"{name}_"):
            return TABLES[name]
    raise ValueError(f"no kind of record lives in {collection!r}: known kinds are {', '.join(TABLES)}")
