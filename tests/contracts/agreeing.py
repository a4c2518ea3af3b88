"""Every adapter answers as the reference does, whatever the documents and the questions are."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from storage import Candle, Liquidation
from storage.adapters.base import BaseAdapter, Document
from storage.queries import parse_find, parse_pipeline, run
from storage.tables import CANDLES, LIQUIDATIONS, Column, ColumnType, Table
from tests.contracts.records import MS, T0, candle
from tests.contracts.writing import put

DECIMALS = st.sampled_from(
    [Decimal(text) for text in ("-12.5", "-1", "0", "1E-18", "0.333333333333333333", "1", "1.10", "99999999.000000001")]
)
VALUES: dict[ColumnType, SearchStrategy[Any]] = {
    ColumnType.DECIMAL: DECIMALS,
    ColumnType.INT: st.sampled_from([-(2**63), -1, 0, 1, 7, 2**53 + 1, 2**63 - 1]),
    ColumnType.BOOL: st.booleans(),
    ColumnType.TEXT: st.sampled_from(["", "A", "a", "a ", "B", "NEW", "$x", "é"]),
    ColumnType.TIME: st.sampled_from([T0 + number * MS for number in (-1, 0, 1, 60_000)]),
}
ORDERED = ("$gt", "$gte", "$lt", "$lte")
ONE = ("$eq", "$ne", *ORDERED)
NOT_DRAWN = ("timeframe", "symbol", "bids", "asks")


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | strategy


CANDLES_DRAWN = st.lists(
    st.builds(
        candle,
        open=DECIMALS,
        quote_volume=maybe(DECIMALS),
        trades_count=maybe(st.integers(0, 3)),
        close_time=maybe(VALUES[ColumnType.TIME]),
        is_closed=st.booleans(),
    ),
    max_size=8,
)
ORDERS_DRAWN = st.lists(
    st.builds(
        Liquidation,
        symbol=st.just("BTCUSDT"),
        timestamp=st.just(T0),
        side=VALUES[ColumnType.TEXT],
        price=DECIMALS,
        average_price=maybe(DECIMALS),
        quantity=DECIMALS,
        filled_quantity=st.none(),
        status=maybe(VALUES[ColumnType.TEXT]),
        digest=st.just(""),
    ),
    max_size=8,
)


def columns_of(table: Table) -> list[Column]:
    return [column for column in table.columns if column.name not in NOT_DRAWN]


def comparisons(column: Column) -> SearchStrategy[dict[str, Any]]:
    values = VALUES[column.type]
    operators = (
        st.tuples(st.sampled_from(ONE), values)
        | st.tuples(st.sampled_from(("$eq", "$ne")), st.none())
        | st.tuples(st.sampled_from(("$in", "$nin")), st.lists(maybe(values), max_size=3))
        | st.tuples(st.just("$exists"), st.booleans())
    )
    content = st.lists(operators, min_size=1, max_size=2).map(dict)
    return (content | content.map(lambda each: {"$not": each})).map(lambda each: {column.name: each})


def filters(columns: list[Column]) -> SearchStrategy[dict[str, Any]]:
    leaves = st.sampled_from(columns).flatmap(comparisons)
    return st.recursive(
        leaves | st.just({}),
        lambda parts: st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(parts, min_size=1, max_size=3)),
        max_leaves=5,
    )


def sorts(columns: list[Column]) -> SearchStrategy[list[tuple[str, int]]]:
    """Any fields, and then the key, so that every document has one place."""
    pair = st.tuples(st.sampled_from([column.name for column in columns]), st.sampled_from([1, -1]))
    drawn = st.lists(pair, max_size=2, unique_by=lambda each: each[0])
    return st.tuples(drawn, st.sampled_from([1, -1])).map(lambda both: [*both[0], ("_id", both[1])])


@st.composite
def finds(draw: st.DrawFn, columns: list[Column]) -> dict[str, Any]:
    names = ["_id", *(column.name for column in columns)]
    return {
        "filter": draw(filters(columns)),
        "sort": draw(sorts(columns)),
        "limit": draw(st.integers(0, 4)),
        "projection": draw(st.lists(st.sampled_from(names), max_size=3, unique=True)),
    }


@st.composite
def groups(draw: st.DrawFn, columns: list[Column]) -> list[dict[str, Any]]:
    """Stages that end in groups, in the order of their keys."""
    stages: list[dict[str, Any]] = [{"$match": draw(filters(columns))}, {"$sort": dict(draw(sorts(columns)))}]
    if draw(st.booleans()):
        stages.append({"$limit": draw(st.integers(1, 6))})
    key = draw(st.none() | st.sampled_from([f"${column.name}" for column in columns]))
    measures = {f"m{number}": draw(st.sampled_from(columns).flatmap(measured)) for number in range(3)}
    having = draw(st.sampled_from([{}, {"n": {"$gt": 1}}, {"m0": {"$ne": None}}, {"m1": {"$exists": False}}]))
    group = {"$group": {"_id": key, "n": {"$sum": 1}, **measures}}
    return [*stages, group, {"$match": having}, {"$sort": {"_id": 1}}]


def measured(column: Column) -> SearchStrategy[dict[str, str]]:
    number = column.type in (ColumnType.INT, ColumnType.DECIMAL)
    of_all = ["$min", "$max", "$first", "$last"]
    return st.sampled_from(of_all + ["$sum", "$avg"] * number).map(lambda name: {name: f"${column.name}"})


async def agree(
    adapter: BaseAdapter, table: Table, records: list[Any], find: Any, stages: list[dict[str, Any]]
) -> None:
    """Store the records, ask both, and leave the collection empty."""
    if records:
        await put(adapter, *records)
    documents = [table.to_document(record) for record in records]
    collection = table.collection_of("BTCUSDT", "1m")
    try:
        assert shapes(await adapter.find(collection, **find)) == shapes(list(run(parse_find(table, **find), documents)))
        expected = list(run(parse_pipeline(table, stages), documents))
        assert shapes(await adapter.aggregate(collection, stages)) == shapes(expected)
    finally:
        await adapter.delete(collection, {})


def shapes(documents: list[Document]) -> list[dict[str, Any]]:
    """Values with their types: 1, True and Decimal(1) are not the same answer."""
    return [{name: (type(value), value) for name, value in document.items()} for document in documents]


def few_examples(test: Any) -> Any:
    """One store serves all examples of a test; servers are slow, so there are few."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow]
    return settings(max_examples=25, deadline=None, suppress_health_check=checks, derandomize=True, database=None)(test)


class AgreementContract:
    """Filters and pipelines mean the same in every store."""

    @few_examples
    @given(records=CANDLES_DRAWN, find=finds(columns_of(CANDLES)), stages=groups(columns_of(CANDLES)))
    async def test_questions_about_candles_are_answered_as_by_the_reference(
        self, adapter: BaseAdapter, records: list[Candle], find: dict[str, Any], stages: list[dict[str, Any]]
    ) -> None:
        minute = timedelta(minutes=1)
        apart = [candle(**_fields(record, timestamp=T0 + number * minute)) for number, record in enumerate(records)]

        await agree(adapter, CANDLES, apart, find, stages)

    @few_examples
    @given(records=ORDERS_DRAWN, find=finds(columns_of(LIQUIDATIONS)), stages=groups(columns_of(LIQUIDATIONS)))
    async def test_questions_about_orders_are_answered_as_by_the_reference(
        self, adapter: BaseAdapter, records: list[Liquidation], find: dict[str, Any], stages: list[dict[str, Any]]
    ) -> None:
        apart = [Liquidation(**_fields(record, digest=f"{number:016x}")) for number, record in enumerate(records)]

        await agree(adapter, LIQUIDATIONS, apart, find, stages)


def _fields(record: Any, **changes: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__} | changes
