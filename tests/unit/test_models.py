"""Models at the edge: every field to a record and back, and nothing that is not exact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from storage import TABLES, Record, models
from storage.models import MODEL_OF, EventType, MarketDataEvent, model_of
from storage.models.base import NOT_MODELLED, RecordModel
from tests.contracts.records import BARE, FULL, MAX_INT, T0
from tests.contracts.rows import NOON, health, job, lineage

TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "trade_id": 1,
    "timestamp": "2024-05-17T12:00:00.001Z",
    "price": "67123.45",
    "quantity": "0.0051",
    "is_buyer_maker": True,
}


def test_there_is_a_model_for_each_kind() -> None:
    assert set(MODEL_OF) == {table.record for table in TABLES.values()}


@pytest.mark.parametrize("model", MODEL_OF.values(), ids=lambda model: model.__name__)
def test_a_model_has_every_field_of_its_record(model: type[RecordModel[Any]]) -> None:
    names = {field.name for field in msgspec.structs.fields(model.record)} - NOT_MODELLED

    assert {model.renamed.get(name, name) for name in names} == set(model.model_fields) - {"quote_quantity"} - (
        {"side"} if model is models.Trade else set()
    )


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
def test_a_record_comes_back_from_its_model_and_from_its_json(kind: str, samples: Mapping[str, Record]) -> None:
    record = samples[kind]

    model = model_of(record)

    assert model.to_record() == record
    assert type(model).model_validate_json(model.model_dump_json()) == model
    assert type(model).model_validate_json(model.model_dump_json()).to_record() == record


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("samples", [FULL, BARE], ids=["full", "bare"])
def test_a_record_comes_back_from_an_event(kind: str, samples: Mapping[str, Record]) -> None:
    event = MarketDataEvent.from_record(samples[kind], stream="btcusdt@x")

    assert MarketDataEvent.model_validate_json(event.model_dump_json()).to_record() == samples[kind]


def test_an_event_of_an_unknown_type_is_no_record() -> None:
    event = MarketDataEvent(event_type=EventType.UNKNOWN, symbol="BTCUSDT", timestamp=T0, data={})

    with pytest.raises(ValueError, match="unknown"):
        event.to_record()


def test_the_taker_s_side_and_the_quote_quantity_follow() -> None:
    trade = models.Trade(**TRADE)

    assert (trade.side, trade.quote_quantity) == ("sell", Decimal("342.329595"))
    assert models.Trade(**TRADE, side="sell", quote_quantity="342.3296") == trade.model_copy(
        update={"quote_quantity": Decimal("342.3296")}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": 67123.45},
        {"price": True},
        {"price": "NaN"},
        {"price": "1e21"},
        {"price": "1e-19"},
        {"timestamp": "2024-05-17T12:00:00"},
        {"timestamp": T0.replace(tzinfo=None)},
        {"timestamp": 1_715_947_200_001},
        {"timestamp": T0 + timedelta(microseconds=1)},
        {"trade_id": MAX_INT + 1},
        {"trade_id": 1.0},
        {"trade_id": "1"},
        {"symbol": "../x"},
        {"symbol": ""},
        {"side": "buy"},
        {"quote_quantity": "342.34"},
        {"quote_quantity": 342.329595},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_is_not_exact_is_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        models.Trade(**(TRADE | dict(wrong)))


def test_a_float_in_json_is_refused_and_text_is_exact() -> None:
    with pytest.raises(ValidationError, match="float"):
        models.Trade.model_validate_json(json.dumps(TRADE | {"price": 0.1}))
    assert models.Trade.model_validate_json(json.dumps(TRADE)).price == Decimal("67123.45")


def test_a_symbol_is_turned_to_upper_case_and_a_time_to_utc() -> None:
    trade = models.Trade(**(TRADE | {"symbol": "btcusdt", "timestamp": "2024-05-17T14:00:00.001+02:00"}))

    assert (trade.symbol, trade.timestamp, trade.timestamp.tzname()) == ("BTCUSDT", T0, "UTC")


def test_levels_are_pairs_or_objects() -> None:
    depth = models.OrderBookDepth(
        symbol="BTCUSDT",
        timestamp=T0,
        last_update_id=1,
        bids=[["1", "2"], {"price": "3", "quantity": "4"}],
        asks=(),
    )

    assert depth.to_record().bids == ((Decimal(1), Decimal(2)), (Decimal(3), Decimal(4)))


def test_a_diff_without_its_first_update_is_refused() -> None:
    with pytest.raises(ValidationError, match="first_update_id"):
        models.OrderBookDepth(symbol="BTCUSDT", timestamp=T0, kind="diff", last_update_id=1, bids=(), asks=())


def test_liquidations_that_differ_have_keys_that_differ() -> None:
    def order(price: str) -> models.Liquidation:
        return models.Liquidation.model_validate(
            {"symbol": "BTCUSDT", "timestamp": T0, "side": "SELL", "price": price, "quantity": "1"}
        )

    assert order("1").digest == order("1").digest != order("2").digest


def test_health_comes_back() -> None:
    metrics = health(freshness_seconds=3, gaps_count=2)

    assert models.DataHealthMetrics.from_row(metrics).to_metrics() == metrics


def test_a_job_and_a_lineage_row_are_told_in_the_words_of_the_edge() -> None:
    told = models.BackfillJob.from_row(job(error="no answer", status="failed"))
    row = models.LineageRecord.from_row(lineage(received=5, stored=3, parameters={"first": "1"}))

    assert (told.job_id, told.request.timeframe, told.status, told.error_message) == (
        "job-1",
        "1m",
        "failed",
        "no answer",
    )
    assert (row.input_records, row.output_records, row.transformation_params) == (5, 3, {"first": "1"})


def test_a_request_goes_forward_and_a_gap_has_a_length() -> None:
    with pytest.raises(ValidationError, match="before"):
        models.BackfillRequest(symbol="BTCUSDT", data_type="trades", start_time=NOON, end_time=NOON)
    assert models.GapInfo(start_time=NOON, end_time=NOON + timedelta(minutes=2)).duration_seconds == 120
