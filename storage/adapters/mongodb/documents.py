"""Records to BSON bytes and back; the encoder of a table is compiled once from its columns.

The format is https://bsonspec.org/spec.html: each element is a type, a name that ends in NUL, and a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from struct import Struct
from typing import Any

from bson import Decimal128, Int64
from bson.codec_options import CodecOptions, TypeCodec, TypeDecoder, TypeRegistry

from storage.adapters.base import Document
from storage.records import Record
from storage.tables import TABLES, Column, ColumnType, Table
from storage.values import check_int, decimal_parts, exact_ms

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

_INT32 = Struct("<i").pack
_INT64 = Struct("<q").pack
DECIMAL_BIAS = 6176
_COEFFICIENT = (1 << 113) - 1
_TRUE, _FALSE = b"\x01", b"\x00"


def text(value: str) -> bytes:
    """A text as BSON has it: its size, its bytes and a NUL."""
    data = str.encode(value)
    return _INT32(len(data) + 1) + data + b"\x00"


def _int(value: int) -> bytes:
    return _INT64(check_int(value))


def _bool(value: bool) -> bytes:
    if type(value) is not bool:
        raise TypeError(f"{value!r} is no bool")
    return _TRUE if value else _FALSE


def _time(value: Any) -> bytes:
    return _INT64(exact_ms(value))


def _decimal(value: Decimal) -> bytes:
    """IEEE 754-2008 decimal128 with a binary integer for its coefficient, as BSON has it."""
    sign, coefficient, exponent = decimal_parts(value)
    return (sign << 127 | (exponent + DECIMAL_BIAS) << 113 | coefficient).to_bytes(16, "little")


def _levels(levels: Sequence[tuple[Decimal, Decimal]]) -> bytes:
    """An array of arrays; arrays are documents whose names count from 0."""
    return _document(
        b"".join(
            b"\x04%d\x00" % index + _document(b"\x130\x00" + _decimal(price) + b"\x131\x00" + _decimal(quantity))
            for index, (price, quantity) in enumerate(levels)
        )
    )


def _document(elements: bytes) -> bytes:
    return _INT32(len(elements) + 5) + elements + b"\x00"


ENCODINGS: Mapping[ColumnType, tuple[bytes, Callable[[Any], bytes]]] = {
    ColumnType.TEXT: (b"\x02", text),
    ColumnType.INT: (b"\x12", _int),
    ColumnType.BOOL: (b"\x08", _bool),
    ColumnType.TIME: (b"\x09", _time),
    ColumnType.DECIMAL: (b"\x13", _decimal),
    ColumnType.LEVELS: (b"\x04", _levels),
}


class Encoder:
    """Encodes the records of one table."""

    def __init__(self, table: Table) -> None:
        self._key = table.key
        self._columns = [(column.name, *_element(column)) for column in table.columns]

    def __call__(self, record: Record) -> tuple[str, bytes]:
        """The `_id` of a record and its document; raises ValueError, TypeError or OverflowError.

        A document without `_id` would get one from the server and escape deduplication, so the key comes
        with the bytes.
        """
        key = self._key(record)
        elements = [b"\x02_id\x00", text(key)]
        for name, head, encode, required in self._columns:
            value = getattr(record, name)
            if value is not None:
                elements += (head, encode(value))
            elif required:
                raise ValueError(f"{name} is missing")
        return key, _document(b"".join(elements))


def _element(column: Column) -> tuple[bytes, Callable[[Any], bytes], bool]:
    return name_of(column), ENCODINGS[column.type][1], column.required


def name_of(column: Column) -> bytes:
    """What stands before a value: its type, and its name."""
    return ENCODINGS[column.type][0] + column.name.encode() + b"\x00"


ENCODERS: Mapping[str, Encoder] = {table.name: Encoder(table) for table in TABLES.values()}
_LEVELS_OF = {
    table.name: [column.name for column in table.columns if column.type is ColumnType.LEVELS]
    for table in TABLES.values()
}


def to_document(table: Table, found: dict[str, Any]) -> Document:
    """What the driver decoded, as the values that a Document has."""
    for name in _LEVELS_OF[table.name]:
        if name in found:
            found[name] = to_levels(found[name])
    return found


def to_levels(found: Sequence[Sequence[Decimal]]) -> tuple[tuple[Decimal, ...], ...]:
    """Price levels, which BSON only knows as arrays of arrays."""
    return tuple(tuple(level) for level in found)


class _DecimalCodec(TypeCodec):
    """Decimals in both directions; about ten times as fast as `Decimal128.to_decimal`."""

    python_type = Decimal
    bson_type = Decimal128

    def transform_python(self, value: Decimal) -> Decimal128:
        return Decimal128.from_bid(_decimal(value))

    def transform_bson(self, value: Decimal128) -> Decimal:
        bits = int.from_bytes(value.bid, "little")
        if bits >> 125 & 3 == 3:  # NaN, infinity, or a coefficient that no writer of ours makes
            return value.to_decimal()
        sign, exponent = bits >> 127, (bits >> 113 & 0x3FFF) - DECIMAL_BIAS
        return Decimal(f"{'-' if sign else ''}{bits & _COEFFICIENT}E{exponent}")


class _IntDecoder(TypeDecoder):
    """64-bit integers as plain ones."""

    bson_type = Int64

    def transform_bson(self, value: Int64) -> int:
        return int(value)


CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    tzinfo=UTC,
    type_registry=TypeRegistry([_DecimalCodec(), _IntDecoder()]),
)
