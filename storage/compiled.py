"""What is compiled: packs, a reader of messages, fingerprints; nothing where no compiler was there at installation.

`_packing.c` knows how values are written, `_reading.c` how they stand in JSON; which ones, under which names and in
which key, they are told. `_columns.c` makes columns of rows, `_captures.c` reads lines of files, `_fingerprints.c`
knows again what was met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from string import Formatter
from typing import Any, NamedTuple

from storage.fingerprints import Fingerprints, PlainFingerprints
from storage.packed import KEYS, Pack, Packs, order_book_pack
from storage.tables import TABLES, Column, ColumnType, Table

_TYPES = {ColumnType.INT: "q", ColumnType.TIME: "t", ColumnType.BOOL: "?", ColumnType.DECIMAL: "d"}


def _extension() -> Any:
    try:
        return import_module("storage._packing")
    except ImportError:
        return None


_packing = _extension()


_order_book = None if _packing is None else order_book_pack(_packing.order_book)


def order_books() -> Packs:
    """The pack of documents of order books."""
    return {} if _order_book is None else {"depth": _order_book}


def rows() -> Mapping[str, Pack]:
    """By table, the packs of rows."""
    return _packers(lambda columns: ())


Texts = tuple[bytes, bytes]
"""A column of Arrow: where each text begins, and all of them."""
Values = tuple[int, bytes, bytes]
"""A column of Arrow: how many values are absent, a bit for each that is there, and the values."""


def columns() -> Mapping[str, Callable[[list[bytes]], list[Any]]]:
    """By table, what makes columns of rows that were packed: Texts of the symbols, and Values of each column after."""
    packs: Mapping[str, Any] = rows()
    return {name: pack.columns for name, pack in packs.items()}


def documents(name_of: Callable[[Column], bytes]) -> Mapping[str, Pack]:
    """By table, the packs of documents; `name_of` says what stands before a value."""
    return _packers(lambda columns: (tuple(map(name_of, columns)),))


def fingerprints() -> Fingerprints:
    """New ones, compiled or plain."""
    made: Fingerprints = PlainFingerprints() if _packing is None else _packing.Fingerprints()
    return made


def captured(lines: list[bytes]) -> tuple[list[bytes | None], Sequence[int]]:
    """The messages in lines of captured ones, and the places of those that are left to the long way: None there."""
    if _packing is None:
        return [None] * len(lines), range(len(lines))
    found: tuple[list[bytes | None], Sequence[int]] = _packing.captured(lines)
    return found


class Layout(NamedTuple):
    """How messages of one event say one record of a table.

    `fields` are the names on the wire of the table's columns in their order; of an order book those of symbol, time,
    first, last and previous id, bids and asks. `levels` is asked with the name of a stream that the message names:
    None when it is one of other messages, else how many levels it speaks of.
    """

    event: str
    table: str
    fields: tuple[str, ...]
    levels: Callable[[str], int | None]


Found = tuple[list[int], list[str], list[Any], list[str | None]]
"""Of the messages of one table and symbol: the place of each, its key, what the store writes, its trace's parent."""

Read = Callable[[list[bytes]], tuple[Mapping[tuple[str, str], Found], Sequence[int]]]
"""What many messages say, by table and symbol, and the places of those that are left to the long way."""


def reader(layouts: Iterable[Layout], packs: Packs, max_bytes: int) -> Read | None:
    """What reads messages that say one record each, and packs them as `packs` do; None where none is compiled.

    It leaves each message that it does not understand whole, or of more than `max_bytes`.
    """
    if _packing is None:
        return None
    known = tuple(found for layout in layouts for found in _laid_out(layout, packs))
    read: Read | None = _packing.Reader(known, max_bytes).columns if known else None
    return read


def _laid_out(layout: Layout, packs: Packs) -> Iterable[tuple[Any, ...]]:
    pack = packs.get(layout.table)
    if isinstance(pack, _packing.Packer) or pack is _order_book:
        names = tuple(name.encode() for name in layout.fields)
        yield layout.event.encode(), layout.table, None if pack is _order_book else pack, names, layout.levels


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
