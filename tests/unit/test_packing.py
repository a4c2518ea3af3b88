"""The compiled packs and the plain ones make the same, and refuse the same: for MongoDB and for files."""

from __future__ import annotations

from decimal import Decimal
from shutil import which
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.adapters.local import packing as rows
from storage.adapters.local.packed_rows import rows_of_packed
from storage.adapters.mongodb import packing as documents
from storage.packed import KEYS, Columns, Packs
from storage.tables import TABLES, Column, ColumnType

NUMBERS = st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,14})?", fullmatch=True)
TEXTS = NUMBERS | st.sampled_from(
    ["", "-", "1.", ".1", "1e5", "+1", " 1", "1\x00", "\uff11", "1" * 21, "0." + "1" * 15]
)
TIMES = st.integers(-(2**63), 2**63 - 1) | st.integers(1_700_000_000_000, 1_800_000_000_000)
VALUES = {
    ColumnType.INT: st.integers(-(2**63), 2**63 - 1),
    ColumnType.TIME: TIMES,
    ColumnType.BOOL: st.booleans(),
    ColumnType.DECIMAL: NUMBERS | TEXTS,
}
SYMBOLS = st.from_regex(r"[A-Z0-9_-]{1,64}", fullmatch=True)
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS) | st.tuples(TEXTS, TEXTS), max_size=120).map(tuple)


def said(pack: Any, *columns: Any) -> Any:
    try:
        return pack(*columns)
    except ValueError:
        return "refused"


@pytest.mark.parametrize("table", KEYS)
@given(data=st.data())
def test_both_pack_a_record_of_fixed_size_alike(table: str, data: st.DataObject) -> None:
    values = [data.draw(st.none() | VALUES[column.type]) for column in TABLES[table].columns[1:]]
    columns = (data.draw(SYMBOLS), *values)

    assert said(documents.PACKS[table], *columns) == said(documents.PLAIN[table], *columns)


@pytest.mark.parametrize("table", KEYS)
@given(data=st.data())
def test_both_make_the_same_rows(table: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 20))
    records = [
        (data.draw(SYMBOLS), *[data.draw(_value(column)) for column in TABLES[table].columns[1:]]) for _ in range(count)
    ]
    by_both = [[said(packs[table], *columns) for columns in records] for packs in (rows.PACKS, rows.PLAIN)]

    assert [row[:2] for row in by_both[0]] == [row[:2] for row in by_both[1]]
    quick, plain = ([row for row in some if row != "refused"] for some in by_both)
    assert not quick or _rows(table, quick).equals(_rows(table, plain))


def _rows(table: str, packed: list[tuple[str, str, Any]]) -> pa.Table:
    symbols, keys, bodies = map(list, zip(*packed, strict=True))
    found = rows_of_packed(TABLES[table], Columns(symbols, keys, bodies, list))
    found.validate(full=True)
    return found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.50", "1.5"),
        ("-0.00000001", "-1E-8"),
        ("-0", "0"),
        ("99999999999999999999.99999999999999", "99999999999999999999.99999999999999"),
        ("-99999999999999999999.99999999999999", "-99999999999999999999.99999999999999"),
    ],
)
@pytest.mark.parametrize("packs", [rows.PACKS, rows.PLAIN])
def test_a_row_keeps_its_amounts_exactly(packs: Packs, text: str, number: str) -> None:
    found = _rows("trades", [packs["trades"]("BTCUSDT", 1_700_000_000_000, 1, text, "1", True, None)])

    assert found.column("price").to_pylist() == [Decimal(number)]
    assert found.column("event_time").to_pylist() == [None]


def test_only_rows_of_a_pack_become_its_columns() -> None:
    pack: Any = rows.PACKS["trades"]

    for wrong in (None, ["text"], [b"too short"], (b"",)):
        with pytest.raises(TypeError, match="rows of this pack"):
            pack.columns(wrong)
    with pytest.raises(TypeError, match="rows of this pack"):
        documents.PACKS["trades"].columns([])  # type: ignore[attr-defined]


def _value(column: Column) -> st.SearchStrategy[Any]:
    """What the wire may have there: a shape insists on what the columns of keys need."""
    return VALUES[column.type] if column.required else st.none() | VALUES[column.type]


@given(
    SYMBOLS, TIMES, st.integers(0, 2**63 - 1), st.none() | st.integers(0, 2**63 - 1), LEVELS, LEVELS, st.integers(0, 20)
)
def test_both_pack_an_order_book_alike(
    symbol: str, time: int, last: int, previous: int | None, bids: Any, asks: Any, levels: int
) -> None:
    kind = "snapshot" if levels else "diff"
    columns = (symbol, time, kind, None if levels else last, last, previous, bids, asks, levels)

    assert said(documents.PACKS["depth"], *columns) == said(documents.PLAIN["depth"], *columns)


@pytest.mark.parametrize("levels", [9, 10, 11, 99, 100, 101, 999, 1000, 1001, 10_001])
def test_the_names_of_levels_grow_with_their_number(levels: int) -> None:
    side = (("1.5", "2"),) * levels
    columns = ("BTCUSDT", 1_700_000_000_000, "diff", 1, 2, None, side, side[:-1], 0)

    assert documents.PACKS["depth"](*columns) == documents.PLAIN["depth"](*columns)


@pytest.mark.skipif(which("cc") is None, reason="without a compiler there is no twin to compare with")
def test_there_are_two_twins_to_compare() -> None:
    assert documents.PACKS["trades"] is not documents.PLAIN["trades"]
    assert rows.PACKS["trades"] is not rows.PLAIN["trades"]
    assert documents.PACKS["depth"] is not documents.PLAIN["depth"]


def test_what_is_no_pack_s_business_is_refused() -> None:
    pack = documents.PACKS["trades"]

    with pytest.raises(TypeError):
        pack("BTCUSDT", 1)
    with pytest.raises(ValueError, match=r"no text|absent"):
        pack("BTCUSDT", 1_700_000_000_000, 1, None, "1", True, 1_700_000_000_000)


@pytest.mark.parametrize("time", [-(2**63) + 1, -(2**63) + 8_000, -1, 0])
@pytest.mark.parametrize("packs", [documents.PACKS, documents.PLAIN, rows.PACKS, rows.PLAIN])
def test_no_time_before_1970_wraps_around_to_a_later_one(packs: Packs, time: int) -> None:
    with pytest.raises(ValueError, match="no time of an event"):
        packs["trades"]("BTCUSDT", time, 1, "1", "1", True, 1_700_000_000_000)
