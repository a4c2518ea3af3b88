"""Packs that are compiled; none where no compiler was there when this was installed.

`_packing.c` knows how values are written; which ones, and in which key, it is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from string import Formatter
from typing import Any

from storage.packed import KEYS, Pack
from storage.tables import TABLES, Column, ColumnType, Table

_TYPES = {ColumnType.INT: "q", ColumnType.TIME: "t", ColumnType.BOOL: "?", ColumnType.DECIMAL: "d"}


def _extension() -> Any:
    try:
        return import_module("storage._packing")
    except ImportError:
        return None


_packing = _extension()


def order_book() -> Callable[..., bytes] | None:
    """What makes the document of an order book of its key and its columns; None where it is not built."""
    return None if _packing is None else _packing.order_book


def rows() -> Mapping[str, Pack]:
    """By table, the packs of rows."""
    return _packers(lambda columns: ())


def documents(name_of: Callable[[Column], bytes]) -> Mapping[str, Pack]:
    """By table, the packs of documents; `name_of` says what stands before a value."""
    return _packers(lambda columns: (tuple(map(name_of, columns)),))


def _packers(names: Callable[[tuple[Column, ...]], tuple[Any, ...]]) -> Mapping[str, Pack]:
    if _packing is None:
        return {}
    packers = {}
    for name, key in KEYS.items():
        columns = TABLES[name].columns[1:]
        types = "".join(_TYPES[column.type] for column in columns)
        packers[name] = _packing.Packer(_parts(TABLES[name], key), types, *names(columns))
    return packers


def _parts(table: Table, key: str) -> tuple[str | int, ...]:
    """The template of a key as its literal texts and the places of the columns between them."""
    names = [column.name for column in table.columns]
    parts: list[str | int] = []
    for literal, name, _, _ in Formatter().parse(key):
        parts += [literal] if literal else []
        parts += [names.index(name)] if name else []
    return tuple(parts)
