"""What the compiled reader takes for usual, and what it leaves to the long way; test_express holds both equal."""

from __future__ import annotations

import json
from collections.abc import Callable
from shutil import which
from typing import Any

import pytest

from consumer.decode.compiled import reader
from consumer.decode.shapes.trades import TradeShape
from storage import compiled
from storage.adapters.local import packing as rows
from storage.adapters.mongodb import packing as documents
from storage.compiled import Layout, Read
from storage.packed import NO_PACKS, Packs
from tests import samples

pytestmark = pytest.mark.skipif(which("cc") is None, reason="without a compiler there is nothing to test")

One = tuple[str, str, Any, str, str | None]
"""Symbol, key, body, table and trace of one message."""


def one(read: Read) -> Callable[[bytes], One | None]:
    """The reader of a single message."""

    def read_one(data: bytes) -> One | None:
        found, others = read([data])
        assert len(found) + len(others) == 1
        for (table, symbol), (places, keys, bodies, traceparents) in found.items():
            assert places == [0]
            return symbol, keys[0], bodies[0], table, traceparents[0]
        assert others == [0] or others == range(1)
        return None

    return read_one


def reading(packs: Packs, max_bytes: int = 100_000, max_nesting: int = 32) -> Callable[[bytes], One | None]:
    return one(reader(packs, max_bytes, max_nesting))


READ = reading(documents.PACKS)
TRADE = (
    b'{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}'
)
TRACED = b'{"stream":"bnbbtc@trade","data":%s,"_otel_trace_headers":{"traceparent":"00-a-b-01","tracestate":"x=1"}}'
BOOK = b'{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}'


def changed(message: bytes, **fields: object) -> bytes:
    """The message with these fields instead; None removes one."""
    said = json.loads(message) | fields
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


@pytest.mark.parametrize("packs", [documents.PACKS, rows.PACKS], ids=["documents", "rows"])
def test_a_trade_is_read_with_its_trace(packs: Packs) -> None:
    read = reading(packs)(TRACED % TRADE)

    assert read is not None
    symbol, key, body, table, traceparent = read
    assert (symbol, key, table, traceparent) == ("BNBBTC", "BNBBTC_1672515782136_12345", "trades", "00-a-b-01")
    columns = ("BNBBTC", 1672515782136, 12345, "0.001", "100", True, 1672515782136)
    assert body == packs["trades"](*columns)[2]


@pytest.mark.parametrize(
    "data",
    [
        samples.SPOT_TRADE,
        samples.FUTURES_BOOK_TICKER,
        b" " + TRADE.replace(b",", b" ,\n\t") + b"\r\n",
        TRADE.replace(b"BNBBTC", b"bnbbtc"),
        changed(TRADE, E=1, x=1.5e3, y=-0.1, z="yes", n=False),
        BOOK,
        changed(BOOK, pu=149),
    ],
)
def test_usual_messages_are_read(data: bytes) -> None:
    assert READ(data) is not None


@pytest.mark.parametrize(
    ("stream", "key"),
    [("bnbbtc@depth20@100ms", "BNBBTC_160_s20"), ("bnbbtc@depth@100ms", "BNBBTC_157_160"), ("", "BNBBTC_157_160")],
)
def test_the_stream_says_whether_an_order_book_is_a_snapshot(stream: str, key: str) -> None:
    read = READ(b'{"stream":"%s","data":%s}' % (stream.encode(), BOOK))

    assert read is not None
    assert read[1] == key


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        TRADE[:-1],
        TRADE + b"x",
        TRADE + b"\x00",
        TRADE.replace(b"BNBBTC", b"BNB\x00TC"),
        TRADE.replace(b"BNBBTC", b"BNB\\u0042TC"),
        TRADE.replace(b"BNBBTC", "BNBBT\u20ac".encode()),
        TRADE.replace(b"BNBBTC", b"_NBBTC"),
        TRADE.replace(b"BNBBTC", b"B" * 65),
        TRADE.replace(b"BNBBTC", b""),
        TRADE.replace(b":12345", b":012345"),
        TRADE.replace(b":12345", b":12345.0"),
        TRADE.replace(b":12345", b':"12345"'),
        TRADE.replace(b":12345", b":1234567890123456789"),
        TRADE.replace(b'"m":true', b'"m":1'),
        TRADE.replace(b'"m":true', b'"m":True'),
        TRADE.replace(b'"m":true', b'"m":true,"m":true'),
        TRADE.replace(b'"0.001"', b'""'),
        TRADE.replace(b'"0.001"', b'"1e-3"'),
        TRADE.replace(b'"0.001"', b"0.001"),
        TRADE.replace(b'"M":true', b'"M":{}'),
        TRADE.replace(b'"M":true', b'"M":[1]'),
        TRADE.replace(b'"e":"trade"', b'"e":"other"'),
        changed(TRADE, E=None),
        changed(TRADE, T=0),
        changed(TRADE, data=1),
        changed(TRADE, error=1),
        changed(TRADE, **{str(place): place for place in range(40)}),
        TRACED.replace(b"@trade", b"@aggTrade") % TRADE,
        TRACED.replace(b"@trade", b"@trade" + b"x" * 128) % TRADE,
        TRACED.replace(b'"00-a-b-01"', b"null") % TRADE,
        (TRACED % TRADE).replace(b'"data"', b'"data":{},"data"'),
        BOOK.replace(b'["0.0024","10"]', b'["0.0024"]'),
        BOOK.replace(b'["0.0024","10"]', b'["0.0024","10","1"]'),
        BOOK.replace(b'["0.0024","10"]', b"[0.0024,10]"),
        BOOK.replace(b'["0.0024","10"]', b'["0.0024","10"],'),
    ],
)
def test_anything_else_is_left_to_the_long_way(data: bytes) -> None:
    assert READ(data) is None


def test_every_cut_of_a_message_is_left_to_the_long_way() -> None:
    whole = TRACED.replace(b"@trade", b"@depth") % BOOK
    assert READ(whole) is not None

    assert [READ(whole[:size]) for size in range(len(whole))] == [None] * len(whole)


def test_limits_are_kept() -> None:
    assert reading(documents.PACKS, max_bytes=len(TRADE))(TRADE) is not None
    assert reading(documents.PACKS, max_bytes=len(TRADE) - 1)(TRADE) is None
    assert reading(documents.PACKS, max_nesting=3)(TRADE) is None


@pytest.mark.parametrize("packs", [NO_PACKS, documents.PLAIN, rows.PLAIN])
def test_without_compiled_packs_nothing_is_read(packs: Packs) -> None:
    assert reading(packs)(TRADE) is None


@pytest.mark.parametrize("other", ["text", None, memoryview(TRADE), bytearray(TRADE)])
def test_nothing_but_bytes_is_read(other: object) -> None:
    assert READ(other) is None  # type: ignore[arg-type]


def test_an_error_of_ours_is_left_to_the_long_way_too() -> None:
    def broken(stream: str) -> int | None:
        raise MemoryError(stream)

    layout = Layout("trade", "trades", TradeShape.fields, broken)
    read = compiled.reader([layout], documents.PACKS, max_bytes=100_000)

    assert read is not None
    assert one(read)(TRACED % TRADE) is None
    assert one(read)(TRADE) is not None


def test_many_messages_are_read_into_columns_by_table_and_symbol() -> None:
    other = TRADE.replace(b"BNBBTC", b"ETHUSDT").replace(b":12345", b":7")
    again = TRADE.replace(b":12345", b":12346")

    found, others = reader(documents.PACKS, 100_000, 32)([TRADE, b"[]", other, BOOK, TRACED % again, b""])

    columns = {name: (places, keys, traces) for name, (places, keys, _, traces) in found.items()}
    keys = ["BNBBTC_1672515782136_12345", "BNBBTC_1672515782136_12346"]
    assert columns == {
        ("trades", "BNBBTC"): ([0, 4], keys, [None, "00-a-b-01"]),
        ("trades", "ETHUSDT"): ([2], ["ETHUSDT_1672515782136_7"], [None]),
        ("depth", "BNBBTC"): ([3], ["BNBBTC_157_160"], [None]),
    }
    assert found["trades", "BNBBTC"][2] == [READ(TRADE)[2], READ(again)[2]]  # type: ignore[index]
    assert others == [1, 5]


@pytest.mark.parametrize("other", [(TRADE,), TRADE, None])
def test_messages_come_as_a_list(other: object) -> None:
    with pytest.raises(TypeError, match="a list"):
        reader(documents.PACKS, 100_000, 32)(other)  # type: ignore[arg-type]


def test_symbols_are_the_same_text_each_time_however_many_there_are() -> None:
    first, second = READ(TRADE), READ(TRADE)
    assert first is not None and second is not None
    assert first[0] is second[0]

    names = [f"S{number}" for number in range(20_000)]
    found = [READ(TRADE.replace(b"BNBBTC", name.encode())) for name in names]
    assert [read[0] for read in found if read is not None] == names


def test_a_message_goes_to_its_own_symbol_when_symbols_were_forgotten_meanwhile() -> None:
    """8,192 are kept, and a new one may come to lie in memory where one lay that was forgotten."""
    read = reader(documents.PACKS, 100_000, 32)

    def many(letter: str) -> list[str]:
        return [f"{letter}{number:038}" for number in range(8_191)]

    def trade(symbol: str) -> bytes:
        return TRADE.replace(b"BNBBTC", symbol.encode())

    read([trade(symbol) for symbol in many("B")])
    symbols = ["A" * 39, *many("C"), "A" * 39, "X" * 39, *many("D")[:5]]
    found, others = read([trade(symbol) for symbol in symbols])
    assert not others
    assert all(symbols[place] == symbol for (_, symbol), (places, *_) in found.items() for place in places)
