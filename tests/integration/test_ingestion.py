"""Results into each store, on real servers: the same numbers everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.ingestion import IngestConfig, IngestResult, aingest_results, ingest_results
from storage.ingestion.targets import adapter_of
from tests.integration.mongodb import client_of, forget

SERVER_OF = {
    "local": None,
    "mariadb": "mariadb",
    "mongodb": "mongodb",
    "mysql": "mariadb",
    "postgresql": "postgresql",
    "sqlite": None,
}
TARGETS = [
    pytest.param(target, marks=[] if server is None else [pytest.mark.server(server)], id=target)
    for target, server in SERVER_OF.items()
]
RUNS: list[dict[str, Any]] = [
    {"model": "llama", "gpus": 8, "tokens_per_second": 1234.5, "tags": ["fp8", None], "config": {"seed": 2**53 + 1}},
    {"model": "bert", "gpus": 1, "tokens_per_second": 0.1 + 0.2, "passed": True},
]


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """Each target."""
    return str(request.param)


@pytest.fixture
def config(target: str, request: pytest.FixtureRequest, unique_name: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """How to reach an empty one."""
    match target:
        case "local":
            yield {"base_path": tmp_path}
        case "sqlite":
            yield {"connection": f"sqlite:///{tmp_path}/results.sqlite"}
        case "mongodb":
            uri = request.getfixturevalue("mongodb_uri")
            yield {"connection": uri, "database": unique_name}
            asyncio.run(_forget(uri, unique_name))
        case _:
            server = SERVER_OF[target]
            yield {"connection": request.getfixturevalue(f"{server}_database")}


async def _forget(uri: str, database: str) -> None:
    async with client_of(uri) as client:
        await forget(client, database)


def counts(result: IngestResult) -> tuple[int, int, int, int, int]:
    return result.read, result.inserted, result.updated, result.unchanged, result.failed


def held(target: str, config: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents, ordered by model."""
    return asyncio.run(_held(target, config))


async def _held(target: str, config: dict[str, Any]) -> list[dict[str, Any]]:
    async with adapter_of(target, IngestConfig.of(config)) as adapter:
        found = await adapter.find("results")
    content = [{name: value for name, value in each.items() if name != "_id"} for each in found]
    return sorted(content, key=lambda each: str(each["model"]))


def test_results_come_back_as_they_went_in(target: str, config: dict[str, Any]) -> None:
    assert counts(ingest_results(RUNS, target, config)) == (2, 2, 0, 0, 0)
    assert counts(ingest_results(RUNS[0], target, config)) == (1, 0, 0, 1, 0)

    assert held(target, config) == [RUNS[1], RUNS[0]]


def test_unique_fields_make_one_document_of_two(target: str, config: dict[str, Any]) -> None:
    keyed = config | {"unique_fields": ["model", "gpus"], "batch_size": 1}
    faster = RUNS[0] | {"tokens_per_second": 9.0}
    ingest_results(RUNS, target, keyed)

    dry = ingest_results([faster, {}], target, keyed | {"dry_run": True})
    wet = ingest_results([faster, {}], target, keyed)

    assert counts(dry) == counts(wet) == (2, 0, 1, 0, 1)
    assert held(target, config) == [RUNS[1], faster]


def test_the_twin_that_is_awaited_does_the_same(target: str, config: dict[str, Any]) -> None:
    assert counts(asyncio.run(aingest_results(RUNS, target, config))) == (2, 2, 0, 0, 0)
    assert held(target, config) == [RUNS[1], RUNS[0]]
