"""One call for every target: results in, and what became of each of them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from storage.adapters.base import BaseAdapter
from storage.ingestion.blocking import blocking
from storage.ingestion.ingestion import Ingestion
from storage.ingestion.results import IngestResult
from storage.ingestion.targets import IngestConfig, adapter_of, folder_of

Results = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""One result, or several."""

Config = Mapping[str, Any] | IngestConfig | None


def ingest_results(results: Results, target: str = "mongodb", config: Config = None) -> IngestResult:
    """Keep results in a store: a known one is updated, and nothing is counted twice or not at all.

    `target` is mongodb, mysql, mariadb, postgresql, sqlite or local; `config` has the keys of IngestConfig.
    Floats are ordinary JSON numbers here. Raises ValueError for a target or configuration that cannot be,
    DatabaseError when the store cannot be reached. A document that cannot be kept is a failure of the
    result. Where an event loop runs, await `aingest_results`.
    """
    return blocking(partial(aingest_results, results, target, config), "aingest_results")


async def aingest_results(results: Results, target: str = "mongodb", config: Config = None) -> IngestResult:
    """The same as `ingest_results`, to be awaited."""
    options = IngestConfig.of(config)
    documents = _each(results)
    async with ingesting(target, options) as ingestion:
        for document in documents:
            await ingestion.add(document)
        return await ingestion.end()


def _each(results: object) -> Sequence[Any]:
    if isinstance(results, Mapping):
        return [results]
    if isinstance(results, str | bytes) or not isinstance(results, Sequence):
        raise TypeError(f"results are a mapping or a sequence of mappings, not {type(results).__name__}")
    return results


@asynccontextmanager
async def ingesting(target: str, config: IngestConfig) -> AsyncIterator[Ingestion]:
    """An ingestion into a store that is connected while the context lasts."""
    async with adapter_of(target, config) as adapter:
        yield Ingestion(
            adapter,
            config.collection,
            unique_fields=config.unique_fields,
            batch_size=config.batch_size,
            dry_run=config.dry_run,
        )
        if target == "local" and not config.dry_run:
            await _show(adapter, config)


async def _show(adapter: BaseAdapter, config: IngestConfig) -> None:
    """Write the files that people open beside the store."""
    from storage.ingestion.views import write_views  # pyarrow is for those who ingest into files

    documents = await adapter.find(config.collection, sort=[("_id", 1)])
    await asyncio.to_thread(write_views, folder_of(config), config.collection, documents)
