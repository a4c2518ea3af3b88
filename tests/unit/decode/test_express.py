"""The fast way and the long way say the same: the same records, the same bytes, the same refusals."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.decode import Decoded, Decoder
from consumer.decode.express import Express
from consumer.errors import DecodeError
from consumer.messages import Message
from consumer.simulator import Faults, Market
from storage import TABLE_OF, Reason, Record
from storage.adapters.local import packing, parquet
from storage.adapters.mongodb.documents import ENCODERS, ENCODINGS
from storage.adapters.mongodb.packing import PACKS, decimal128
from storage.packed import Packed, plain
from storage.tables import ColumnType
from tests import samples
from tests.unit.decode.test_decode_properties import mutated

Said = tuple[list[tuple[int, Record]], list[tuple[int, Reason]], str | None]
WRAPPED = [data for data in samples.MARKET_DATA if b'"data":{"e":' in data]
FLAT = [data[data.index(b'{"e":') : -1] for data in WRAPPED if b"_otel" not in data]


class NotExpress(Express):
    def __init__(self) -> None:
        super().__init__({})

    def __call__(self, data: bytes) -> Decoded | None:
        return None


class LongWay(Decoder):
    """The plain twin: no message is express, no record is packed."""

    def __init__(self) -> None:
        super().__init__(max_bytes=100_000, max_nesting=32)
        self._express = NotExpress()


class Reading(Decoder):
    """What is usual is read, as the pipeline does."""

    def decode(self, message: Message) -> Decoded:
        usual, _ = self.read([message.data])
        for table, symbol, _, keys, bodies, traceparents in usual:
            return Decoded([Packed(symbol, keys[0], bodies[0], table, message, self)], traceparents[0])
        return super().decode(message)


LONG = LongWay()
FAST = Decoder(max_bytes=100_000, max_nesting=32, packs=PACKS)
FAST_TO_FILES = Decoder(max_bytes=100_000, max_nesting=32, packs=packing.PACKS)
EXPRESS = (FAST, FAST_TO_FILES)
FASTEST = (
    Reading(max_bytes=100_000, max_nesting=32, packs=PACKS),
    Reading(max_bytes=100_000, max_nesting=32, packs=packing.PACKS),
)
WAYS = pytest.mark.parametrize("ways", [FASTEST, EXPRESS], ids=["compiled", "plain"])
Ways = tuple[Decoder, Decoder]


def decode(decoder: Decoder, data: bytes) -> Decoded | Reason:
    message = Message(data=data, source="m", partition="p", offset=1, time_ms=1_700_000_000_000)
    try:
        return decoder.decode(message)
    except DecodeError as error:
        return error.reason


def said(decoder: Decoder, data: bytes) -> Said | Reason:
    found = decode(decoder, data)
    if isinstance(found, Reason):
        return found
    records = [(element, plain(item)) for element, item in found.records]
    return records, [(each.element, each.error.reason) for each in found.failures], found.traceparent


def packed(decoder: Decoder, data: bytes) -> list[Packed]:
    found = decode(decoder, data)
    return [] if isinstance(found, Reason) else [item for _, item in found.records if isinstance(item, Packed)]


def check(data: bytes, ways: Ways) -> int:
    """How many records are packed; what both ways say of them, and of everything, is the same."""
    to_mongodb, to_files = ways
    assert said(to_mongodb, data) == said(LONG, data) == said(to_files, data)
    for item in packed(to_mongodb, data):
        record = item.record()
        assert item.symbol == record.symbol
        assert (item.key, item.body) == ENCODERS[TABLE_OF[type(record)].name](record)
    for item in packed(to_files, data):
        table = TABLE_OF[type(item.record())]
        assert parquet.encode(table, [item]).equals(parquet.encode(table, [item.record()]))
    return len(packed(to_mongodb, data))


@WAYS
@given(data=mutated() | st.sampled_from(WRAPPED + FLAT))
@example(data=b'{"e":"trade","data":{"e":"aggTrade"}}')
@example(data=samples.SPOT_TRADE.replace(b"btcusdt@trade", b"btcusdt@aggTrade"))
def test_whatever_arrives_both_say_the_same(ways: Ways, data: bytes) -> None:
    check(data, ways)


@st.composite
def mutated_usual(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(WRAPPED + FLAT))
    start = draw(st.integers(0, len(data)))
    pieces = [b"", b"null", b'""', b"0", b"-0.10", b"1e5", b'"1"', b"{}", b'"E":0,']
    pieces += [b'"stream":"a@trade",', b'"data":{},', b'"result":1,"id":2,']
    return data[:start] + draw(st.sampled_from(pieces)) + data[draw(st.integers(start, min(len(data), start + 20))) :]


@WAYS
@given(data=mutated_usual())
def test_a_usual_message_with_something_wrong_in_it_too(ways: Ways, data: bytes) -> None:
    check(data, ways)


@WAYS
@pytest.mark.parametrize("faults", ["", "all"])
def test_a_simulated_market_is_the_same_either_way(faults: str, ways: Ways) -> None:
    market = Market(seed=3, faults=Faults.parse([faults] if faults else []))

    assert sum(check(message.data, ways) for message in islice(market, 3_000)) > 1_000


@pytest.mark.parametrize("data", WRAPPED + FLAT)
def test_the_usual_message_goes_the_fast_way(data: bytes) -> None:
    found = Express({})(data)

    assert found is not None
    decoded = decode(LONG, data)
    assert isinstance(decoded, Decoded)
    assert found.records == decoded.records


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12))
def test_a_decimal_has_the_bytes_of_its_encoder(value: Decimal) -> None:
    assert decimal128(f"{value:f}") == ENCODINGS[ColumnType.DECIMAL][1](value)


@pytest.mark.parametrize("text", ["", "1e5", " 1", "1.", ".1", "+1", "NaN", "1" * 21, "0." + "1" * 15, "\uff11"])
def test_what_exchanges_do_not_write_is_left_to_the_long_way(text: str) -> None:
    with pytest.raises(ValueError, match="as exchanges write"):
        decimal128(text)


@pytest.mark.parametrize("decoder", [FAST, FAST_TO_FILES])
def test_records_of_one_key_in_a_list_keep_their_own_contents(decoder: Decoder) -> None:
    trade = b'{"e":"trade","E":1672515782136,"s":"A","t":1,"p":"%d","q":"1","T":1672515782136,"m":true}'

    found = packed(decoder, b"[%s,{},%s]" % (trade % 1, trade % 2))

    assert [item.record().price for item in found] == [Decimal(1), Decimal(2)]  # type: ignore[attr-defined]  # trades


def test_a_book_ticker_without_its_event_is_left_to_the_long_way() -> None:
    elsewhere = samples.FUTURES_BOOK_TICKER.replace(b'"e":"bookTicker",', b"").replace(
        b'"data"', b'"e":"bookTicker","data"'
    )

    with pytest.raises(msgspec.ValidationError):
        Express(PACKS)(elsewhere)
