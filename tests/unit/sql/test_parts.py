"""The parts of the SQL store that need no server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy.dialects import registry

from storage import OperatorError, Reason
from storage.adapters import get_adapter
from storage.adapters.sql import MySQLAdapter, PostgreSQLAdapter, SQLiteAdapter
from storage.adapters.sql.entries import MAX_LEVELS_BYTES
from storage.adapters.sql.sqlite import DecimalConnection
from storage.outcomes import STORED
from storage.sql.exact import AnyText
from tests.contracts.letters import letter, letters
from tests.contracts.records import FULL, SNAPSHOT
from tests.contracts.writing import put


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", factory=DecimalConnection)
    connection.execute("CREATE TABLE t (x TEXT)")
    yield connection
    connection.close()


def test_sqlite_orders_decimals_as_numbers(connection: sqlite3.Connection) -> None:
    numbers = ["10", "9", "-1.5", "-10", "0.000000000000000001", "99999999999999999999.99999999999999", "0"]
    connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in numbers])

    found = [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x COLLATE tapestore_decimal")]

    assert found == sorted(numbers, key=Decimal)


def test_sqlite_takes_decimals_of_the_same_value_for_one(connection: sqlite3.Connection) -> None:
    connection.executemany("INSERT INTO t VALUES (?)", [("1.5",), ("1.50",), ("01.5",), ("0",), ("-0",)])

    groups = connection.execute("SELECT count(*) FROM t GROUP BY x COLLATE tapestore_decimal").fetchall()

    assert groups == [(2,), (3,)]


def test_sqlite_adds_decimals_exactly(connection: sqlite3.Connection) -> None:
    numbers = ["99999999999999999999", "0.000000000000000001", None, "0.1", "0.2"]
    connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in numbers])

    assert connection.execute("SELECT tapestore_sum(x) FROM t").fetchone() == (
        "99999999999999999999.300000000000000001",
    )
    assert connection.execute("SELECT tapestore_sum(x) FROM t WHERE x IS NULL").fetchone() == (None,)


def test_an_adapter_takes_no_url_of_another_server() -> None:
    assert isinstance(get_adapter("mysql", "mysql://h/d"), MySQLAdapter)
    assert isinstance(get_adapter("mariadb", "mariadb://h/d"), MySQLAdapter)
    assert isinstance(get_adapter("postgresql", "postgresql://h/d"), PostgreSQLAdapter)
    assert isinstance(get_adapter("sqlite", "sqlite:///f"), SQLiteAdapter)


@pytest.mark.parametrize(
    ("type", "url"),
    [
        ("mysql", "postgresql://u:canary@127.0.0.1/d"),
        ("postgresql", "mysql://u:canary@127.0.0.1/d"),
        ("sqlite", "mysql://u:canary@127.0.0.1/d"),
        ("mysql", "mongodb://u:canary@127.0.0.1/d"),
        ("mysql", "u:canary@127.0.0.1"),
        ("mysql", "mysql://u:canary@127.0.0.1/d?no=1"),
        ("sqlite", "sqlite://"),
    ],
)
async def test_a_connection_string_that_cannot_be_used_is_never_quoted(type: str, url: str) -> None:
    with pytest.raises(OperatorError) as caught:
        await get_adapter(type, url).connect()

    assert "canary" not in f"{caught.value} {caught.value.fix}"
    assert "sqlite:///path" in caught.value.fix


async def test_records_that_no_row_holds_are_rejected_alone(tmp_path: Path) -> None:
    level = (Decimal("12345678901234567890.12345678901234"), Decimal("12345678901234567890.12345678901234"))
    async with SQLiteAdapter(f"sqlite:///{tmp_path}/market.sqlite") as adapter:
        large = replace(SNAPSHOT, last_update_id=161, bids=(level,) * (MAX_LEVELS_BYTES // 70))
        fits = replace(SNAPSHOT, last_update_id=162, bids=(level,) * (MAX_LEVELS_BYTES // 90))
        assert [result.reason for result in await put(adapter, SNAPSHOT, large, fits)] == [
            None,
            Reason.DOCUMENT_TOO_LARGE,
            None,
        ]
        order = FULL["liquidations"]
        good, long, nul = await put(
            adapter, order, replace(order, digest="1" * 300), replace(order, digest="2", status="a\0b")
        )

    assert good == STORED
    assert (long.reason, nul.reason) == (Reason.DOCUMENT_TOO_LARGE, Reason.NOT_STORABLE)


async def test_a_letter_is_kept_however_long_its_position_is(tmp_path: Path) -> None:
    far, farther = letter(position="x" * 3000 + "1"), letter(position="x" * 3000 + "2", subject="\ud800")
    async with SQLiteAdapter(f"sqlite:///{tmp_path}/market.sqlite") as adapter:
        await adapter.dead_letters.put([far, farther])

        assert await letters(adapter, ids=[far.id]) == [far]
        (found,) = await letters(adapter, ids=[farther.id])
        assert found.subject == "\\ud800"
        assert await adapter.dead_letters.delete([far.id, farther.id]) == 2


@pytest.mark.parametrize("text", ["", "a\0b", "\\0", "\\\0", "a\\", "é\n"])
def test_text_with_a_nul_comes_back_from_postgresql(text: str) -> None:
    dialect, type = registry.load("postgresql")(), AnyText()

    sent = type.process_bind_param(text, dialect)

    assert sent is not None and "\0" not in sent
    assert type.process_result_value(sent, dialect) == text
