"""Records as rows to bind, checked first: INSERT IGNORE would cut a long key and swallow a bad number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storage.adapters.sql.schema import CHOICES, MAX_KEY_CHARACTERS
from storage.adapters.sql.slices import Slice
from storage.outcomes import Reason, Result, rejected
from storage.records import Record
from storage.tables import ColumnType
from storage.values import check

MAX_TEXT_CHARACTERS = 16_000
"""A TEXT of MySQL ends at 65,535 bytes."""

MAX_LEVELS_BYTES = 2 << 20
"""Of one side of an order book: a conflict of two whole books fits into one packet of MySQL (16 MiB)."""

Fates = dict[int, Result]
"""What became of records, by their place in the batch."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way: its place in the batch, its key and the values of its row."""

    place: int
    key: str
    record: Record
    row: dict[str, Any]


def encode(slice: Slice, records: Sequence[Record], fates: Fates) -> Iterator[Entry]:
    """The records that can be stored; the others go to `fates`."""
    for place, record in enumerate(records):
        try:
            yield _entry(slice, place, record)
        except (ValueError, TypeError, OverflowError) as error:
            fates[place] = rejected(Reason.NOT_STORABLE, str(error))
        except _RefusedError as error:
            fates[place] = rejected(error.reason, str(error))


class _RefusedError(Exception):
    """The record can be bound, but the table takes no such row."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _entry(slice: Slice, place: int, record: Record) -> Entry:
    check(slice.table, record)
    key = slice.table.key(record)
    if len(key) > MAX_KEY_CHARACTERS:
        raise _RefusedError(
            Reason.DOCUMENT_TOO_LARGE, f"the key has {len(key)} characters, and a row takes {MAX_KEY_CHARACTERS}"
        )
    row = {"_id": key}
    for column in slice.table.columns:
        value = row[column.name] = getattr(record, column.name)
        if column.type is ColumnType.TEXT:
            _check_text(column.name, value or "")
        elif column.type is ColumnType.LEVELS:
            _check_levels(column.name, value)
    _check_text("_id", key)
    for name, choices in CHOICES[slice.table.name].items():
        if row[name] not in choices:
            raise _RefusedError(Reason.SCHEMA, f"{name} is none of {', '.join(choices)}")
    return Entry(place, key, record, row)


def _check_text(name: str, text: str) -> None:
    if "\0" in text:
        raise ValueError(f"{name} holds a NUL, which not every database stores in text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise _RefusedError(
            Reason.DOCUMENT_TOO_LARGE, f"{name} has {len(text)} characters, and a row takes {MAX_TEXT_CHARACTERS}"
        )


def _check_levels(name: str, levels: Any) -> None:
    if len(levels) > MAX_LEVELS_BYTES // 100 and len(msgspec.json.encode(levels)) > MAX_LEVELS_BYTES:
        raise _RefusedError(
            Reason.DOCUMENT_TOO_LARGE, f"{name} has {len(levels)} levels: more than {MAX_LEVELS_BYTES} bytes"
        )
