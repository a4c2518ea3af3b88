"""Every shape of the wire, and what becomes of everything else."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from consumer.decode import Decoded, Decoder
from consumer.errors import DecodeError
from consumer.messages import Message
from storage import (
    TABLE_OF,
    AggTrade,
    BookTicker,
    Candle,
    Depth,
    FundingRate,
    Liquidation,
    MarkPrice,
    MiniTicker,
    Reason,
    Record,
    Ticker,
    Trade,
)
from storage.packed import plain
from tests import samples

DECODER = Decoder(max_bytes=1_000_000, max_nesting=32)
BUS_TIME = 1_700_000_000_123


def message(data: bytes, subject: str = "binance.futures.websocket.data", **fields: object) -> Message:
    values = {"source": "memory", "partition": "tests", "offset": 1, "time_ms": BUS_TIME, **fields}
    return Message(data=data, subject=subject, **values)  # type: ignore[arg-type]  # the fields of a message


def decode(data: bytes, **fields: object) -> Decoded:
    return DECODER.decode(message(data, **fields))  # type: ignore[arg-type]  # the fields of a message


def records(data: bytes, **fields: object) -> list[Record]:
    return [plain(item) for _, item in decode(data, **fields).records]


def utc(*parts: int) -> datetime:
    year, month, day, hour, minute, second, ms = parts
    return datetime(year, month, day, hour, minute, second, ms * 1000, tzinfo=UTC)


def key(record: Record) -> str:
    return TABLE_OF[type(record)].key(record)


def refusal(data: bytes, **fields: object) -> Reason:
    with pytest.raises(DecodeError) as caught:
        decode(data, **fields)
    return caught.value.reason


def test_a_spot_trade_has_exact_numbers_and_its_own_time() -> None:
    assert records(samples.SPOT_TRADE) == [
        Trade(
            symbol="BTCUSDT",
            timestamp=utc(2022, 12, 31, 19, 43, 2, 136),
            trade_id=12345,
            price=D("16569.01000000"),
            quantity=D("0.00510000"),
            is_buyer_maker=True,
            event_time=utc(2022, 12, 31, 19, 43, 2, 136),
        )
    ]


def test_a_futures_trade_is_timed_by_its_execution_not_by_its_event() -> None:
    (trade,) = records(samples.FUTURES_TRADE)
    assert isinstance(trade, Trade)
    assert (trade.timestamp, trade.event_time) == (
        utc(2022, 12, 31, 19, 43, 2, 136),
        utc(2022, 12, 31, 19, 43, 2, 140),
    )


def test_an_aggregate_trade_keeps_the_ids_it_sums_up() -> None:
    (trade,) = records(samples.AGG_TRADE)
    assert isinstance(trade, AggTrade)
    assert (trade.agg_trade_id, trade.first_trade_id, trade.last_trade_id) == (5933014, 100, 105)
    assert key(trade) == "BTCUSDT_1672515782130_5933014"


def test_a_candle_is_keyed_by_its_opening_time() -> None:
    (candle,) = records(samples.KLINE)
    assert isinstance(candle, Candle)
    assert key(candle) == "BTCUSDT_1638747600000"
    assert (candle.timeframe, candle.is_closed, candle.trades_count) == ("1m", True, 100)
    assert candle.event_time == utc(2021, 12, 5, 23, 41, 0, 12)
    assert (candle.open, candle.taker_buy_quote_volume) == (D("49000.10"), D("2455011.10"))


def test_a_continuous_candle_has_pair_and_contract_as_its_symbol() -> None:
    (candle,) = records(samples.CONTINUOUS_KLINE)
    assert TABLE_OF[Candle].collection(candle) == "candles_BTCUSDT_PERPETUAL_1m"


def test_a_depth_diff_is_keyed_by_its_update_ids() -> None:
    (diff,) = records(samples.FUTURES_DEPTH)
    assert isinstance(diff, Depth)
    assert (diff.kind, key(diff), diff.previous_update_id) == ("diff", "BTCUSDT_390497796_390497878", 390497794)
    assert diff.asks == ((D("7405.96"), D("3.340")), (D("7406.10"), D("0")))
    assert diff.timestamp == utc(2019, 10, 24, 3, 54, 8, 277)


def test_a_spot_depth_diff_has_no_previous_id() -> None:
    (diff,) = records(samples.SPOT_DEPTH)
    assert isinstance(diff, Depth)
    assert (diff.kind, diff.previous_update_id) == ("diff", None)


def test_futures_partial_depth_is_a_snapshot_although_its_event_says_update() -> None:
    (book,) = records(samples.FUTURES_PARTIAL_DEPTH)
    assert isinstance(book, Depth)
    assert (book.kind, key(book)) == ("snapshot", "BTCUSDT_390497878_s20")


def test_spot_partial_depth_takes_symbol_from_its_stream_and_time_from_its_envelope() -> None:
    (book,) = records(samples.SPOT_PARTIAL_DEPTH)
    assert isinstance(book, Depth)
    assert (book.symbol, key(book), book.bus_time) == ("BTCUSDT", "BTCUSDT_160_s20", True)
    assert book.timestamp == utc(2025, 10, 21, 11, 52, 26, 123)


def test_partial_depth_without_an_envelope_time_takes_the_bus_time() -> None:
    data = b'{"stream":"btcusdt@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}'
    (book,) = records(data)
    assert book.timestamp == utc(2023, 11, 14, 22, 13, 20, 123)
    assert refusal(data, time_ms=None) is Reason.INVALID_TIME


def test_flat_partial_depth_takes_its_symbol_from_the_subject() -> None:
    data = b'{"lastUpdateId":7,"bids":[["1","2"]],"asks":[]}'
    (book,) = records(data, subject="md.binance.spot.depth.ethusdt")
    assert key(book) == "ETHUSDT_7_s1"
    assert refusal(data) is Reason.MISSING_FIELD


def test_a_spot_book_ticker_is_best_bid_and_ask_with_the_bus_time() -> None:
    (ticker,) = records(samples.SPOT_BOOK_TICKER)
    assert isinstance(ticker, BookTicker)
    assert (ticker.bid_price, ticker.ask_quantity, ticker.bus_time) == (D("25.35190000"), D("40.66000000"), True)
    assert key(ticker) == "BNBUSDT_400900217"


def test_a_futures_book_ticker_has_its_transaction_time() -> None:
    (ticker,) = records(samples.FUTURES_BOOK_TICKER)
    assert (ticker.timestamp, ticker.bus_time) == (utc(2019, 9, 9, 7, 34, 20, 891), False)


def test_day_tickers_long_and_short() -> None:
    (ticker,), (mini,) = records(samples.TICKER), records(samples.MINI_TICKER)
    assert isinstance(ticker, Ticker)
    assert isinstance(mini, MiniTicker)
    assert (ticker.price_change, ticker.weighted_average_price) == (D("120.10"), D("16512.33"))
    assert (mini.close, mini.quote_volume) == (D("16569.01"), D("3010000000.12"))


def test_a_mark_price_update_says_a_mark_price_and_a_running_funding_rate() -> None:
    mark, funding = records(samples.MARK_PRICE)
    assert isinstance(mark, MarkPrice)
    assert isinstance(funding, FundingRate)
    assert (mark.mark_price, mark.last_funding_rate) == (D("11794.15000000"), D("0.00038167"))
    assert (key(funding), funding.is_settled, funding.event_time) == ("BTCUSDT_1562306400000", False, mark.timestamp)


@pytest.mark.parametrize("broken", [b'"r":""', b'"r":"0.1","T":0'])
def test_without_a_rate_or_a_time_there_is_no_funding(broken: bytes) -> None:
    data = b'{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"1",' + broken + b"}"
    assert [type(record) for record in records(data)] == [MarkPrice]


def test_a_list_gives_one_record_for_each_element() -> None:
    decoded = decode(samples.MARK_PRICES)
    assert [(element, type(record)) for element, record in decoded.records] == [(0, MarkPrice), (0, FundingRate)]


def test_a_bad_element_fails_alone() -> None:
    good = b'{"e":"24hrMiniTicker","E":1672515782136,"s":"A","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}'
    decoded = decode(b'{"stream":"!miniTicker@arr","data":[' + good + b',{"e":"24hrMiniTicker"},' + good + b"]}")
    assert [element for element, _ in decoded.records] == [0, 2]
    assert [(f.element, f.error.reason) for f in decoded.failures] == [(1, Reason.MISSING_FIELD)]


def test_a_liquidation_is_keyed_by_its_order() -> None:
    (order,) = records(samples.FORCE_ORDER)
    assert isinstance(order, Liquidation)
    assert key(order) == "BTCUSDT_1568014460893_c59f1abed56b77d4"
    assert (order.side, order.filled_quantity, order.status) == ("SELL", D("0.014"), "FILLED")


def test_a_funding_row_of_history_is_settled_and_rounded_to_the_minute() -> None:
    (funding,) = records(b'{"symbol":"BTCUSDT","fundingTime":1562306400007,"fundingRate":"-0.0001","markPrice":""}')
    assert isinstance(funding, FundingRate)
    assert (key(funding), funding.is_settled, funding.mark_price) == ("BTCUSDT_1562306400000", True, None)


def test_a_control_frame_says_nothing() -> None:
    assert decode(samples.CONTROL) == Decoded()


@pytest.mark.parametrize("epoch", ["1672515782", "1672515782136", "1672515782136789", "1672515782136789123"])
def test_seconds_to_nanoseconds_are_told_apart(epoch: str) -> None:
    data = f'{{"e":"trade","s":"X","t":1,"p":"1","q":"1","T":{epoch},"m":true}}'.encode()
    assert records(data)[0].timestamp.replace(microsecond=0) == utc(2022, 12, 31, 19, 43, 2, 0)


def test_the_trace_context_comes_from_the_body_then_from_the_headers() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert decode(samples.SPOT_TRADE).traceparent == parent
    assert decode(samples.KLINE, raw_headers={"traceparent": "from-header"}).traceparent == "from-header"


@pytest.mark.parametrize("trace", [b'"x"', b'{"traceparent":5}', b"[]", b"null"])
def test_a_broken_trace_context_loses_no_data(trace: bytes) -> None:
    data = samples.KLINE[:-1] + b',"_otel_trace_headers":' + trace + b"}"
    assert len(records(data)) == 1


TRADE = '{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":1,"p":"1.5","q":"2","T":1672515782136,"m":true}'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"s":"BTCUSDT",', "", Reason.MISSING_FIELD),
        ('"t":1', '"t":"1"', Reason.WRONG_TYPE),
        ('"t":1', '"t":9223372036854775808', Reason.WRONG_TYPE),
        ('"t":1', '"t":1.5', Reason.WRONG_TYPE),
        ('"t":1', '"t":NaN', Reason.NOT_JSON),
        ('"p":"1.5"', '"p":1.5', Reason.WRONG_TYPE),
        ('"p":"1.5"', '"p":"NaN"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"Infinity"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"1e5"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":""', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":" 1"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"1_0"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"\u0661"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"123456789012345678901"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"0.1234567890123456789"', Reason.INVALID_NUMBER),
        ('"p":"1.5"', '"p":"12345678901234567890.123456789012345"', Reason.INVALID_NUMBER),
        ('"T":1672515782136', '"T":0', Reason.INVALID_TIME),
        ('"T":1672515782136', '"T":-5', Reason.INVALID_TIME),
        ('"s":"BTCUSDT"', '"s":"../x"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":"$where"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":"a.b"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":"A\\u0000B"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":"stra\u00dfe"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":"' + "A" * 300 + '"', Reason.INVALID_SYMBOL),
        ('"s":"BTCUSDT"', '"s":""', Reason.INVALID_SYMBOL),
        ('"e":"trade"', '"e":"surprise"', Reason.UNKNOWN_EVENT),
        ('"e":"trade"', '"x":"y"', Reason.UNKNOWN_EVENT),
        ("}", "", Reason.NOT_JSON),
        ("}", "} trailing", Reason.NOT_JSON),
    ],
)
def test_what_cannot_be_kept_exactly_is_refused_with_its_reason(old: str, new: str, reason: Reason) -> None:
    assert refusal(TRADE.replace(old, new).encode()) is reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_UTF8),
        (b'{"e":"trade","x":"\xff"}', Reason.NOT_UTF8),
        (b"null", Reason.WRONG_TYPE),
        (b"[" * 40 + b"]" * 40, Reason.TOO_DEEP),
        (b'{"data":' * 5000 + b"1" + b"}" * 5000, Reason.TOO_DEEP),
        (b'{"e":"trade","x":"' + b"y" * 1_000_000 + b'"}', Reason.TOO_LARGE),
        (b'{"stream":"btcusdt@trade","data":{"e":"aggTrade"}}', Reason.UNKNOWN_EVENT),
        (b'{"stream":"btcusdt@trade","data":null}', Reason.WRONG_TYPE),
        (b'{"stream":5,"data":{}}', Reason.WRONG_TYPE),
    ],
)
def test_bytes_that_are_no_market_data_are_refused(data: bytes, reason: Reason) -> None:
    assert refusal(data) is reason


def test_brackets_inside_of_text_are_no_nesting() -> None:
    text = b'{"e":"trade","s":"B","t":1,"p":"1","q":"1","T":1672515782136,"m":true,"x":"' + b"[{" * 40 + b'"}'
    assert len(records(text)) == 1


def test_an_order_book_of_many_levels_is_not_deep() -> None:
    levels = b",".join(b'["1.%d","2"]' % n for n in range(500))
    data = b'{"stream":"b@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"B","U":1,"u":2,"b":['
    (diff,) = records(data + levels + b'],"a":[]}}')
    assert isinstance(diff, Depth)
    assert len(diff.bids) == 500
