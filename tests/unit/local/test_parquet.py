"""Records become Arrow rows and come back as documents, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from storage import TABLE_OF, TABLES, Record, Trade
from storage.adapters.local.parquet import (
    NotEncodable,
    arrange,
    between,
    documents,
    encode,
    pages,
    position_of,
    range_of,
    refusals,
)
from storage.adapters.local.schema import schema_of
from storage.tables import CANDLES, TRADES
from tests.contracts.records import BARE, FULL, MS, SNAPSHOT, T0, candle, trade, trades

EVERY = [*FULL.values(), *BARE.values()]


@pytest.mark.parametrize("record", EVERY, ids=lambda record: type(record).__name__)
def test_a_record_becomes_a_row_and_comes_back(record: Record) -> None:
    table = TABLE_OF[type(record)]

    rows = encode(table, [record, record])

    assert rows.schema.equals(schema_of(table))
    assert documents(rows) == [table.to_document(record)] * 2


def test_the_schema_says_what_it_holds() -> None:
    schema = schema_of(TRADES)

    assert schema.metadata == {b"tapestore.kind": b"trades", b"tapestore.schema": b"1"}
    assert schema.field("price").type == pa.decimal128(38, 18)
    assert schema.field("timestamp").type == pa.timestamp("ms", "UTC")


@pytest.mark.parametrize("text", ["0", "1.5", "100", "-7.001", "0.000123", "99999999999999999999"])
def test_a_decimal_comes_back_without_the_zeros_of_its_column(text: str) -> None:
    (document,) = documents(encode(TRADES, [trade(price=Decimal(text) + Decimal("0.00"))]))

    assert str(document["price"]) == text


@pytest.mark.parametrize("text", ["-0.00", "1E+3", "0.000000000000000001", "0.0000012000"])
def test_an_odd_decimal_comes_back_equal(text: str) -> None:
    (document,) = documents(encode(TRADES, [trade(price=Decimal(text))]))

    assert document["price"] == Decimal(text)


def test_a_time_of_another_zone_is_the_same_time() -> None:
    there = T0.astimezone(timezone(timedelta(hours=-3)))

    (document,) = documents(encode(TRADES, [trade(timestamp=there)]))

    assert document["timestamp"] == T0
    assert document["timestamp"].tzinfo is UTC


@pytest.mark.parametrize(
    "changes",
    [
        {"price": Decimal("NaN")},
        {"price": Decimal("12345678901234567.123456789012345678")},
        {"price": 1.5},
        {"price": None},
        {"trade_id": 2**63},
        {"event_time": datetime(2024, 1, 1)},  # noqa: DTZ001 - naive on purpose
        {"event_time": T0.replace(microsecond=1)},
        {"symbol": "\ud800"},
    ],
    ids=str,
)
def test_what_would_not_come_back_equal_is_not_encoded(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEncodable):
        encode(TRADES, [trade(1), replace(trade(2), **changes)])


def test_refusals_name_the_bad_records_only() -> None:
    records: list[Trade] = trades(50)
    for bad in (0, 17, 18, 49):
        records[bad] = replace(records[bad], price=Decimal("NaN"))

    assert [index for index, _ in refusals(TRADES, records)] == [0, 17, 18, 49]


@pytest.mark.parametrize("record", EVERY, ids=lambda record: type(record).__name__)
def test_the_key_alone_decides_the_position(record: Record) -> None:
    table = TABLE_OF[type(record)]
    later = replace(record, timestamp=record.timestamp + 12_345 * MS)

    rows = encode(table, [record, later])

    first, last = range_of(rows, position_of(table))
    assert (first == last) == (table.key(record) == table.key(later))


def test_snapshots_of_one_update_have_one_position() -> None:
    depth = TABLES["depth"]

    rows = encode(depth, [SNAPSHOT, replace(SNAPSHOT, timestamp=T0 + 99 * MS)])

    assert range_of(rows, position_of(depth)) == (160, 160)


def test_rows_are_arranged_by_time_and_the_newest_version_stays() -> None:
    old, new = candle(trades_count=None), candle(trades_count=7)
    before = replace(old, timestamp=T0 - MS)

    rows = arrange(CANDLES, encode(CANDLES, [new, old, before]))

    assert documents(rows) == [CANDLES.to_document(before), CANDLES.to_document(new)]


def test_of_equal_versions_the_first_stays() -> None:
    rows = arrange(TRADES, encode(TRADES, [trade(price=Decimal(1)), trade(price=Decimal(2))]))

    assert [document["price"] for document in documents(rows)] == [1]


def test_no_rows_are_arranged_into_no_rows() -> None:
    assert arrange(TRADES, encode(TRADES, [])).num_rows == 0


def test_a_range_of_rows_has_both_its_ends() -> None:
    rows = between(encode(TRADES, trades(10)), "trade_id", 3, 5)

    assert [document["trade_id"] for document in documents(rows)] == [3, 4, 5]


def test_pages_are_of_one_table_each() -> None:
    tables = [encode(TRADES, trades(count)) for count in (5, 0, 2)]

    assert [len(page) for page in pages(iter(tables), 2)] == [2, 2, 1, 2]
