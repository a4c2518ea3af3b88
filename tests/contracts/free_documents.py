"""What every adapter keeps beside market data: documents of any shape, by `_id`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from storage import RejectedError
from storage.adapters.base import BaseAdapter, Change
from tests.contracts.records import FINEST, LARGEST, MAX_INT, MS, SMALLEST, T0, trade
from tests.contracts.writing import put

INSERTED, UPDATED, UNCHANGED = Change.INSERTED, Change.UPDATED, Change.UNCHANGED

ODD: dict[str, Any] = {
    "_id": "odd: ../ ' \" ; -- $where.x é \U0001f600",
    "none": None,
    "yes": True,
    "no": False,
    "zero": 0,
    "int": MAX_INT,
    "least_int": -(2**63),
    "float": 0.1,
    "whole_float": 3.0,
    "tiny_float": 5e-324,
    "large_float": 1.7976931348623157e308,
    "largest": LARGEST,
    "finest": FINEST,
    "smallest": -SMALLEST,
    "padded": Decimal("1.500"),
    "time": T0,
    "first_time": datetime(1, 1, 1, tzinfo=UTC),
    "last_time": datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    "bytes": bytes(range(256)),
    "no_bytes": b"",
    "text": "é \U0001f600 \x00 \n ' \" \\ $price {} []",
    "decimal_text": "1.5",
    "time_text": "2024-05-17T12:00:00+00:00",
    "empty_list": [],
    "empty_object": {},
    "list": [1, "a", None, [True, [2.5]], {"x": [T0, Decimal("1.10"), b"\x00"]}],
    "object": {"a.b": 1, "nested": {"deep": {"deeper": [LARGEST]}}, "type": "decimal", "é": 1, "_id": "inside"},
    "a.b": "dotted",
    "with space": 1,
    "UPPER": 1,
    "upper": 2,
}

REFUSED: list[dict[str, Any]] = [
    {},
    {"x": 1},
    {"_id": 1},
    {"_id": None},
    {"_id": ""},
    {"_id": "x" * 513},
    {"_id": "a\0b"},
    {"_id": {"$gt": ""}},
    {"_id": "1", "$set": {"x": 1}},
    {"_id": "1", "x": {"$where": "1"}},
    {"_id": "1", "x": [{"$ref": "y"}]},
    {"_id": "1", "": 1},
    {"_id": "1", "a\0b": 1},
    {"_id": "1", "x": 2**63},
    {"_id": "1", "x": float("nan")},
    {"_id": "1", "x": float("inf")},
    {"_id": "1", "x": Decimal("NaN")},
    {"_id": "1", "x": Decimal("0.1234567890123456789")},
    {"_id": "1", "x": T0.replace(tzinfo=None)},
    {"_id": "1", "x": T0.replace(microsecond=1)},
    {"_id": "1", "x": "\ud800"},
    {"_id": "1", "x": {1: 2}},
    {"_id": "1", "x": {1, 2}},
    {"_id": "1", "x": object},
]


def results(count: int) -> list[dict[str, Any]]:
    """Runs with a name, a duration and a verdict."""
    return [
        {"_id": f"run-{n}", "name": f"n{n % 3}", "seconds": Decimal(n) / 10, "n": n, "passed": n % 2 == 0}
        for n in range(count)
    ]


async def every(adapter: BaseAdapter, collection: str = "results") -> list[Any]:
    """All documents by `_id`."""
    return await adapter.find(collection, sort=[("_id", 1)])


class FreeDocumentContract:
    """Documents are written whole, and found, reckoned with and removed in the same language."""

    async def test_a_document_comes_back_exactly(self, adapter: BaseAdapter) -> None:
        assert await adapter.replace("results", [ODD]) == [INSERTED]

        (found,) = await adapter.find("results")

        assert found == ODD
        assert {name: _shape(value) for name, value in found.items()} == {n: _shape(v) for n, v in ODD.items()}

    async def test_times_come_back_in_utc_and_tuples_as_lists(self, adapter: BaseAdapter) -> None:
        elsewhere = T0.astimezone(timezone(timedelta(hours=9)))

        await adapter.replace("results", [{"_id": "1", "time": elsewhere, "pair": (1, (2, 3))}])

        (found,) = await adapter.find("results")
        assert found == {"_id": "1", "time": T0, "pair": [1, [2, 3]]}
        assert found["time"].utcoffset() == timedelta(0)

    async def test_each_document_is_inserted_updated_or_unchanged(self, adapter: BaseAdapter) -> None:
        one, two, three = results(3)
        await adapter.replace("results", [one, two])

        fates = await adapter.replace("results", [three, two | {"n": 99}, one])

        assert fates == [INSERTED, UPDATED, UNCHANGED]
        assert await every(adapter) == [one, two | {"n": 99}, three]

    async def test_a_document_replaces_the_whole_of_the_other(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", [{"_id": "1", "a": 1, "b": 2}])

        assert await adapter.replace("results", [{"_id": "1", "c": 3}]) == [UPDATED]

        assert await every(adapter) == [{"_id": "1", "c": 3}]

    async def test_the_same_content_again_is_unchanged(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", [ODD])

        assert await adapter.replace("results", [dict(reversed(ODD.items()))]) == [UNCHANGED]
        assert await adapter.replace("results", [ODD | {"padded": Decimal("1.5")}]) == [UNCHANGED]

    @pytest.mark.parametrize(
        ("before", "after"),
        [(1, True), (0, False), (1, 1.0), (1, Decimal(1)), (1, "1"), (None, 0), ("", b""), ([], {}), ([1, 2], [2, 1])],
        ids=str,
    )
    async def test_a_value_of_another_type_is_another_value(
        self, adapter: BaseAdapter, before: object, after: object
    ) -> None:
        await adapter.replace("results", [{"_id": "1", "x": before}])

        assert await adapter.replace("results", [{"_id": "1", "x": after}]) == [UPDATED]
        assert [_shape(document["x"]) for document in await every(adapter)] == [_shape(after)]

    async def test_none_and_absent_are_not_the_same_content(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", [{"_id": "1"}])

        assert await adapter.replace("results", [{"_id": "1", "x": None}]) == [UPDATED]
        assert await every(adapter) == [{"_id": "1", "x": None}]

    async def test_a_dry_run_tells_and_writes_nothing(self, adapter: BaseAdapter) -> None:
        one, two, three = results(3)
        await adapter.replace("results", [one, two])

        fates = await adapter.replace("results", [one, two | {"n": 99}, three], dry_run=True)

        assert fates == [UNCHANGED, UPDATED, INSERTED]
        assert await every(adapter) == [one, two]

    async def test_no_documents_are_nothing_to_do(self, adapter: BaseAdapter) -> None:
        assert await adapter.replace("results", []) == []
        assert await every(adapter) == []

    @pytest.mark.parametrize("document", REFUSED, ids=lambda document: repr(document)[:60])
    async def test_a_document_that_cannot_be_kept_is_refused_with_its_batch(
        self, adapter: BaseAdapter, document: dict[str, Any]
    ) -> None:
        with pytest.raises(RejectedError):
            await adapter.replace("results", [{"_id": "good"}, document])

        assert await every(adapter) == []

    async def test_an_id_that_is_there_twice_is_refused(self, adapter: BaseAdapter) -> None:
        with pytest.raises(RejectedError):
            await adapter.replace("results", [{"_id": "1", "x": 1}, {"_id": "1", "x": 2}])

    async def test_nesting_has_a_bound(self, adapter: BaseAdapter) -> None:
        deep, too_deep, endless = _nested(40), _nested(60), list[Any]()
        endless.append(endless)

        assert await adapter.replace("results", [{"_id": "1", "x": deep}]) == [INSERTED]

        assert await every(adapter) == [{"_id": "1", "x": deep}]
        for value in (too_deep, endless):
            with pytest.raises(RejectedError):
                await adapter.replace("results", [{"_id": "1", "x": value}])

    async def test_a_market_collection_holds_no_free_documents(self, adapter: BaseAdapter) -> None:
        for name in ("trades_BTCUSDT", "candles_BTCUSDT_1m", "conflicts", "dead_letters_parts"):
            with pytest.raises(RejectedError):
                await adapter.replace(name, [{"_id": "1"}])

    async def test_free_documents_are_no_market_data(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", results(1))
        await put(adapter, trade())

        assert await adapter.list_collections() == ["trades_BTCUSDT"]
        with pytest.raises(RejectedError):
            adapter.query_range("results", T0, T0 + MS)

    async def test_collections_are_apart(self, adapter: BaseAdapter) -> None:
        await adapter.replace("one", [{"_id": "1", "x": 1}])
        await adapter.replace("two", [{"_id": "1", "x": 2}])

        assert await every(adapter, "one") == [{"_id": "1", "x": 1}]
        assert await adapter.delete("one", {}) == 1
        assert await every(adapter, "two") == [{"_id": "1", "x": 2}]
        assert await every(adapter, "three") == []

    async def test_documents_outlive_the_connection(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", results(2))

        await adapter.disconnect()
        await adapter.connect()

        assert await every(adapter) == results(2)

    async def test_documents_are_found_by_their_fields(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", results(10))

        found = await adapter.find(
            "results",
            {"passed": True, "seconds": {"$gt": Decimal("0.2")}, "name": {"$in": ["n0", "n1"]}},
            sort=[("n", -1)],
            projection=["_id", "n"],
            limit=2,
        )

        assert found == [{"_id": "run-6", "n": 6}, {"_id": "run-4", "n": 4}]

    async def test_a_value_equals_only_values_of_its_own_kind(self, adapter: BaseAdapter) -> None:
        values: list[Any] = [1, 1.0, Decimal("1.00"), True, "1", None, [1], {"x": 1}, b"1", T0, 2]
        documents: list[dict[str, Any]] = [{"_id": f"{n:02}", "x": value} for n, value in enumerate(values)]
        await adapter.replace("results", [*documents, {"_id": "99"}])
        expected: list[tuple[Any, list[str]]] = [
            (1, ["00", "01", "02"]),
            (Decimal(1), ["00", "01", "02"]),
            (1.0, ["00", "01", "02"]),
            (True, ["03"]),
            ("1", ["04"]),
            (None, ["05", "99"]),
            (b"1", ["08"]),
            (T0, ["09"]),
            ({"$gt": 0}, ["00", "01", "02", "10"]),
            ({"$lte": Decimal("1.5")}, ["00", "01", "02"]),
            ({"$gte": "0"}, ["04"]),
            ({"$lt": T0 + MS}, ["09"]),
            ({"$in": [True, 2]}, ["03", "10"]),
            ({"$exists": False}, ["99"]),
            ({"$nin": [1, None, "1"]}, ["03", "06", "07", "08", "09", "10"]),
            ({"$ne": 1}, ["03", "04", "05", "06", "07", "08", "09", "10", "99"]),
            ({"$not": {"$gt": 0}}, ["03", "04", "05", "06", "07", "08", "09", "99"]),
        ]

        for filter, found in expected:
            documents_found = await adapter.find("results", {"x": filter}, sort=[("_id", 1)])
            assert [document["_id"] for document in documents_found] == found, filter

    async def test_a_text_is_a_value_and_never_an_operator_or_a_field(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", [{"_id": "$x", "x": "$x"}, {"_id": "2", "x": "$$ROOT"}])

        assert [document["_id"] for document in await adapter.find("results", {"x": "$x"})] == ["$x"]
        assert [document["_id"] for document in await adapter.find("results", {"x": {"$in": ["$$ROOT"]}})] == ["2"]
        assert await adapter.aggregate("results", [{"$match": {"_id": {"$gte": "$x", "$lt": "$y"}}}]) == [
            {"_id": "$x", "x": "$x"}
        ]

    @pytest.mark.parametrize("name", ["a.b", "$x", "a b", "", "x' OR 1=1 --", 'x"', "é", "x" * 121, "a-b", "0"])
    async def test_a_name_that_is_no_name_is_refused(self, adapter: BaseAdapter, name: str) -> None:
        with pytest.raises(RejectedError):
            adapter.find("results", {name: 1})
        with pytest.raises(RejectedError):
            adapter.find("results", sort=[(name, 1)])
        with pytest.raises(RejectedError):
            adapter.find("results", projection=[name])
        with pytest.raises(RejectedError):
            adapter.aggregate("results", [{"$group": {"_id": f"${name}"}}])

    @pytest.mark.parametrize(
        "value", [{"x": 1}, {"$gt": {"$ne": 1}}, [1], {"$in": [[1]]}, object, float("nan"), {"$eq": {}}], ids=str
    )
    async def test_a_value_that_compares_with_nothing_is_refused(self, adapter: BaseAdapter, value: object) -> None:
        with pytest.raises(RejectedError):
            adapter.find("results", {"x": value})

    async def test_documents_are_sorted_with_the_absent_first(self, adapter: BaseAdapter) -> None:
        values = [Decimal("10"), 9, 9.5, -1, Decimal("-1.5")]
        documents: list[dict[str, Any]] = [{"_id": str(n), "x": value} for n, value in enumerate(values)]
        await adapter.replace("results", [*documents, {"_id": "none", "x": None}, {"_id": "absent"}])

        up = [document["_id"] for document in await adapter.find("results", sort=[("x", 1), ("_id", 1)])]
        down = [document["_id"] for document in await adapter.find("results", sort=[("x", -1), ("_id", 1)])]

        assert up == ["absent", "none", "4", "3", "1", "2", "0"]
        assert down == ["0", "2", "1", "3", "4", "absent", "none"]

    async def test_documents_are_reckoned_with(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", [*results(9), {"_id": "odd", "name": "n0", "seconds": "no number"}])
        measures = {
            "runs": {"$count": {}},
            "seconds": {"$sum": "$seconds"},
            "mean": {"$avg": "$seconds"},
            "most": {"$max": "$n"},
            "last": {"$last": "$_id"},
        }

        found = await adapter.aggregate(
            "results",
            [
                {"$match": {"name": {"$ne": "n2"}}},
                {"$sort": {"_id": 1}},
                {"$group": {"_id": "$name", **measures}},
                {"$sort": {"_id": 1}},
            ],
        )

        assert found == [
            {"_id": "n0", "runs": 4, "seconds": Decimal("0.9"), "mean": Decimal("0.3"), "most": 6, "last": "run-6"},
            {"_id": "n1", "runs": 3, "seconds": Decimal("1.2"), "mean": Decimal("0.4"), "most": 7, "last": "run-7"},
        ]

    async def test_sums_keep_the_kind_of_their_numbers(self, adapter: BaseAdapter) -> None:
        documents = [{"_id": str(n), "int": n, "float": n / 4, "decimal": Decimal(n) / 4} for n in range(4)]
        await adapter.replace("results", documents)
        measures = {name: {"$sum": f"${name}"} for name in ("int", "float", "decimal", "nobody")}

        (found,) = await adapter.aggregate("results", [{"$group": {"_id": None, **measures}}])

        assert found == {"_id": None, "int": 6, "float": 1.5, "decimal": Decimal("1.5"), "nobody": 0}
        assert [type(found[name]) for name in ("int", "float", "decimal")] == [int, float, Decimal]

    @pytest.mark.parametrize("values", [(MAX_INT - 1, 1), (-(2**63) + 1, -1), (MAX_INT, MAX_INT, -MAX_INT)])
    async def test_a_sum_of_ints_is_exact_to_64_bits(self, adapter: BaseAdapter, values: tuple[int, ...]) -> None:
        assert await _sum_of(adapter, *values) == sum(values)

    @pytest.mark.parametrize("values", [(MAX_INT, 1), (-(2**63), -1), (MAX_INT,) * 5])
    async def test_a_sum_of_ints_beyond_64_bits_is_refused(self, adapter: BaseAdapter, values: tuple[int, ...]) -> None:
        with pytest.raises(RejectedError, match="64 bits"):
            await _sum_of(adapter, *values)

    async def test_a_sum_with_one_float_is_a_float_and_with_one_decimal_exact(self, adapter: BaseAdapter) -> None:
        assert await _sum_of(adapter, MAX_INT, MAX_INT, 0.0) == 2.0**64
        assert await _sum_of(adapter, MAX_INT, MAX_INT, Decimal("0.5")) == Decimal(2**64 - 2) + Decimal("0.5")

    async def test_documents_are_removed_by_their_fields(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", results(10))

        assert await adapter.delete("results", {"n": {"$gte": 4}, "passed": True}) == 3
        assert [document["n"] for document in await every(adapter)] == [0, 1, 2, 3, 5, 7, 9]

    async def test_many_documents_stream(self, adapter: BaseAdapter) -> None:
        await adapter.replace("results", results(3000))

        assert len(await adapter.find("results")) == 3000
        assert len(set(await adapter.replace("results", results(3000)))) == 1

    async def test_two_writers_of_the_same_documents_leave_each_once(self, adapter: BaseAdapter) -> None:
        await asyncio.gather(adapter.replace("results", results(50)), adapter.replace("results", results(50)[::-1]))

        assert len(await every(adapter)) == 50


async def _sum_of(adapter: BaseAdapter, *values: object) -> object:
    await adapter.replace("sums", [{"_id": str(place), "x": value} for place, value in enumerate(values)])
    (found,) = await adapter.aggregate("sums", [{"$group": {"_id": None, "x": {"$sum": "$x"}}}])
    return found["x"]


def _nested(levels: int) -> Any:
    if levels == 0:
        return "bottom"
    return [_nested(levels - 1)] if levels % 2 else {"x": _nested(levels - 1)}


def _shape(value: Any) -> Any:
    """The value with the type of each of its parts; Decimals by number."""
    match value:
        case dict():
            return {name: _shape(each) for name, each in value.items()}
        case list():
            return [_shape(each) for each in value]
        case _:
            return type(value), value
