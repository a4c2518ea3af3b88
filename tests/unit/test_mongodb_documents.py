"""Our BSON is what the driver's own encoder makes, and comes back exactly."""

from __future__ import annotations

from decimal import Decimal

import bson
import pytest
from bson import Decimal128, Int64
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from storage import TABLES, Record
from storage.adapters.mongodb.documents import CODEC, ENCODERS, to_document
from storage.tables import ColumnType, Table
from tests.contracts.records import BARE, FULL, LARGEST, SMALLEST, SNAPSHOT, trade

LIMIT = 10**34 - 1


def by_driver(table: Table, record: Record) -> bytes:
    """The same document by the driver, integers as 64 bits."""
    wide = {column.name for column in table.columns if column.type is ColumnType.INT}
    document = table.to_document(record)
    return bson.encode(
        {name: Int64(value) if name in wide else value for name, value in document.items()}, codec_options=CODEC
    )


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
def test_a_record_of_each_kind_is_encoded_as_the_driver_does(kind: str, samples: dict[str, Record]) -> None:
    table, record = TABLES[kind], samples[kind]

    key, data = ENCODERS[kind](record)

    assert data == by_driver(table, record)
    assert to_document(table, bson.decode(data, codec_options=CODEC)) == table.to_document(record)
    assert key == table.key(record)


def test_long_order_books_have_names_of_more_digits() -> None:
    levels = tuple((Decimal(price), SMALLEST) for price in range(1, 1200))

    book = replace(SNAPSHOT, bids=levels, asks=levels[::-1])

    assert ENCODERS["depth"](book)[1] == by_driver(TABLES["depth"], book)


def test_small_integers_are_64_bits_wide_too() -> None:
    raw = bson.decode(ENCODERS["trades"](trade(1))[1])

    assert type(raw["trade_id"]) is Int64
    assert type(raw["price"]) is Decimal128


@given(st.integers(0, 1), st.integers(0, LIMIT), st.integers(-18, 0))
def test_every_decimal_is_encoded_as_the_driver_does(sign: int, coefficient: int, exponent: int) -> None:
    value = Decimal((sign, tuple(map(int, str(coefficient))), exponent))
    assume(coefficient < 10 ** (20 - exponent))

    (encoded,) = bson.decode(bson.encode({"": value}, codec_options=CODEC)).values()
    (decoded,) = bson.decode(bson.encode({"": Decimal128(value)}), codec_options=CODEC).values()

    assert encoded == Decimal128(value)
    assert str(decoded) == str(value)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1E+6111", "-9.999E-6100", str(LARGEST)])
def test_decimals_that_others_wrote_are_read_too(text: str) -> None:
    data = bson.encode({"value": Decimal128(text)})

    assert str(bson.decode(data, codec_options=CODEC)["value"]) == str(Decimal128(text).to_decimal())


def test_an_absent_field_that_must_be_there_is_refused() -> None:
    with pytest.raises(ValueError, match="price is missing"):
        ENCODERS["trades"](replace(trade(), price=None))
