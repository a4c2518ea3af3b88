"""Results on their way into a store: keyed, upserted, and every one accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import RejectedError, TransientError, UnavailableError
from storage.adapters.base import Change, Document
from storage.adapters.memory import MemoryAdapter
from storage.ingestion import Failure, Ingestion, IngestResult, build_documents, ingest_results, run_documents
from storage.ingestion.keys import canonical_json, content_hash, keyed
from storage.ingestion.targets import IngestConfig


@pytest.fixture
async def store() -> AsyncIterator[MemoryAdapter]:
    async with MemoryAdapter() as adapter:
        yield adapter


async def ingest(store: MemoryAdapter, documents: Sequence[object], **options: Any) -> IngestResult:
    ingestion = Ingestion(store, "results", **options)
    for document in documents:
        await ingestion.add(document)
    return await ingestion.end()


async def held(store: MemoryAdapter) -> list[dict[str, Any]]:
    return [dict(document) for document in await store.find("results")]


def counts(result: IngestResult) -> tuple[int, int, int, int, int]:
    return result.read, result.inserted, result.updated, result.unchanged, result.failed


async def test_what_is_new_is_inserted_and_what_is_known_unchanged(store: MemoryAdapter) -> None:
    documents = [{"model": "a", "seconds": 1.5}, {"model": "b", "seconds": 2}]

    assert counts(await ingest(store, documents)) == (2, 2, 0, 0, 0)
    assert counts(await ingest(store, documents)) == (2, 0, 0, 2, 0)
    assert sorted(each["model"] for each in await held(store)) == ["a", "b"]


async def test_unique_fields_make_the_key(store: MemoryAdapter) -> None:
    await ingest(store, [{"model": "a", "gpu": 1, "seconds": 1.5}], unique_fields=["model", "gpu"])

    result = await ingest(
        store, [{"seconds": 2.5, "gpu": 1, "model": "a"}, {"model": "a", "gpu": 2}], unique_fields=["model", "gpu"]
    )

    assert counts(result) == (2, 1, 1, 0, 0)
    assert sorted(each.get("seconds", 0) for each in await held(store)) == [0, 2.5]


async def test_a_document_without_a_unique_field_is_a_failure_with_its_place_and_reason(store: MemoryAdapter) -> None:
    result = await ingest(store, [{"model": "a"}, {"gpu": 1}, {"model": None}, {}], unique_fields=["model"])

    assert counts(result) == (4, 1, 0, 0, 3)
    assert [failure.index for failure in result.errors] == [1, 2, 3]
    assert all("no model" in failure.reason for failure in result.errors)
    assert result.status == "partial"


async def test_what_is_no_document_is_a_failure_and_the_others_are_kept(store: MemoryAdapter) -> None:
    wrong = [["a list"], 5, None, {"nan": float("nan")}, {"$where": 1}, {"big": 2**64}, {1: "one"}]

    result = await ingest(store, [{"fine": True}, *wrong, {"fine": False}])

    assert counts(result) == (9, 2, 0, 0, 7)
    assert [failure.index for failure in result.errors] == [1, 2, 3, 4, 5, 6, 7]


async def test_one_key_twice_is_written_in_its_order(store: MemoryAdapter) -> None:
    twice = [{"k": 1, "v": "old"}, {"k": 2}, {"k": 1, "v": "new"}, {"k": 1, "v": "new"}]

    assert counts(await ingest(store, twice, unique_fields=["k"])) == (4, 2, 1, 1, 0)
    assert sorted(each.get("v", "") for each in await held(store)) == ["", "new"]


async def test_a_dry_run_tells_the_same_numbers_and_writes_nothing(store: MemoryAdapter) -> None:
    twice = [{"k": 1, "v": "old"}, {"k": 2}, {"k": 1, "v": "new"}, {"k": 1, "v": "new"}, {}]

    dry = await ingest(store, twice, unique_fields=["k"], dry_run=True)

    assert await held(store) == []
    wet = await ingest(store, twice, unique_fields=["k"])
    assert counts(dry) == counts(wet) == (5, 2, 1, 1, 1)
    assert (dry.dry_run, wet.dry_run) == (True, False)


async def test_a_document_s_own_id_is_its_key(store: MemoryAdapter) -> None:
    result = await ingest(store, [{"_id": "mine", "v": 1}, {"v": 2, "_id": "mine"}, {"_id": 5}])

    assert counts(result) == (3, 1, 1, 0, 1)
    assert await held(store) == [{"_id": "mine", "v": 2}]
    both = await ingest(store, [{"_id": "mine", "k": 1}], unique_fields=["k"])
    assert "leave one of them away" in both.errors[0].reason


async def test_a_store_that_is_lost_fails_what_is_left_by_name(store: MemoryAdapter) -> None:
    ingestion = Ingestion(store, "results", batch_size=2)
    for number in range(3):
        await ingestion.add({"n": number})
    store.failures.append(TransientError("an election"))
    for number in range(3, 7):
        await ingestion.add({"n": number})

    result = await ingestion.end()

    assert counts(result) == (7, 2, 0, 0, 5)
    assert [failure.index for failure in result.errors] == [2, 3, 4, 5, 6]
    assert result.errors[0].reason == "not known to be written: an election"
    assert result.errors[-1].reason == "not tried, for the store was lost: an election"


class Picky(MemoryAdapter):
    """A store that refuses one document, as a server with a size limit does."""

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        if any(document.get("huge") for document in documents):
            raise RejectedError("too large")
        return await super().replace(collection, documents, dry_run=dry_run)


async def test_what_the_store_refuses_is_found_among_its_neighbours() -> None:
    async with Picky() as store:
        result = await ingest(store, [{"n": 1}, {"n": 2, "huge": True}, {"n": 3}])

        assert counts(result) == (3, 2, 0, 0, 1)
        assert result.errors == (Failure(1, "too large"),)


async def test_what_could_not_be_read_counts_too(store: MemoryAdapter) -> None:
    ingestion = Ingestion(store, "results")
    ingestion.add_unreadable("line 1 is no JSON")
    await ingestion.add({"n": 1})

    assert (await ingestion.end()).errors == (Failure(0, "line 1 is no JSON"),)


async def test_a_name_that_holds_no_documents_is_refused_at_once(store: MemoryAdapter) -> None:
    for name in ("trades_BTCUSDT", "system.users", "dead_letters", "Results", ""):
        with pytest.raises(RejectedError):
            Ingestion(store, name)


async def test_a_store_that_was_never_there_is_an_error_and_no_result() -> None:
    with pytest.raises(UnavailableError):
        await MemoryAdapter().replace("results", [{"_id": "a"}])


DOCUMENTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"k": st.integers(0, 3), "v": st.integers(0, 2)}),
        st.dictionaries(st.sampled_from(["v", "$x", ""]), st.floats()),
        st.none(),
    ),
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS, st.integers(1, 4), st.booleans())
async def test_the_numbers_always_add_up(documents: list[Any], batch_size: int, dry_run: bool) -> None:
    async with MemoryAdapter() as store:
        result = await ingest(store, documents, unique_fields=["k"], batch_size=batch_size, dry_run=dry_run)

        read, inserted, updated, unchanged, failed = counts(result)
        assert read == len(documents) == inserted + updated + unchanged + failed
        keys = {each["k"] for each in documents if each and "k" in each}
        assert inserted == len(keys)
        assert len(await held(store)) == (0 if dry_run else len(keys))


def test_the_key_follows_from_the_content_whatever_its_order() -> None:
    one, other = keyed({"a": 1, "b": [1.5, None]}), keyed({"b": [1.5, None], "a": 1})

    assert one == other
    assert one["_id"] == content_hash({"a": 1, "b": [1.5, None]})
    assert canonical_json({"b": "é", "a": 1}) == '{"a":1,"b":"é"}'


def test_values_that_json_does_not_know_are_told_apart() -> None:
    values = [Decimal(1), "1", 1, True, datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00+00:00", b"1"]

    assert len({keyed({"v": value})["_id"] for value in values}) == len(values)
    assert keyed({"v": Decimal("1.0")})["_id"] == keyed({"v": Decimal("1.00")})["_id"]


def test_a_build_manifest_is_a_document_for_each_image_and_one_for_the_rest() -> None:
    manifest = {
        "built_images": {"img.1": {"seconds": 3.5}, "img2": {"seconds": 4}},
        "built_models": {"img2": {"name": "llama"}, "img3": {"name": "bert"}},
        "context": {"os": "linux"},
    }

    assert build_documents(manifest) == [
        {"phase": "build", "image": "img.1", "image_details": {"seconds": 3.5}},
        {"phase": "build", "image": "img2", "image_details": {"seconds": 4}, "model": {"name": "llama"}},
        {"phase": "build", "image": "img3", "model": {"name": "bert"}},
        {"phase": "build", "context": {"os": "linux"}},
    ]


def test_a_run_summary_is_a_document_for_each_run_and_one_for_the_rest() -> None:
    summary = {"successful_runs": [{"model": "a"}], "failed_runs": [{"model": "b", "phase": "execute"}], "total": 2}

    assert run_documents(summary) == [
        {"phase": "run", "outcome": "successful", "model": "a"},
        {"phase": "execute", "outcome": "failed", "model": "b"},
        {"phase": "run", "total": 2},
    ]


def test_reports_of_another_shape_are_kept_as_they_are() -> None:
    assert build_documents({"anything": 1}) == [{"phase": "build", "anything": 1}]
    assert run_documents([{"a": 1}, {"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert run_documents({"successful_runs": ["text"]}) == ["text"]


def test_a_target_or_a_configuration_that_cannot_be_is_refused_without_showing_the_secret() -> None:
    with pytest.raises(ValueError, match="known are local, mariadb, mongodb, mysql, postgresql, sqlite"):
        ingest_results([], "oracle")
    with pytest.raises(ValueError, match="conection") as refused:
        IngestConfig.of({"conection": "mongodb://user:canary@host", "batch_size": 0})
    assert "canary" not in str(refused.value)
    with pytest.raises(ValueError, match="part of its connection"):
        ingest_results([], "mysql", {"connection": "mysql://u:p@h/d", "database": "d"})
    with pytest.raises(TypeError, match="not str"):
        ingest_results("text", "local")  # type: ignore[arg-type]  # that is the test


async def test_where_a_loop_runs_the_twin_is_named() -> None:
    with pytest.raises(RuntimeError, match="await aingest_results"):
        ingest_results([], "local")
