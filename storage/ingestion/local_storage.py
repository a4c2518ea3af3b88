"""Results on this machine: one folder, no server."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from storage.ingestion.api import Results, aingest_results
from storage.ingestion.blocking import blocking
from storage.ingestion.results import IngestResult
from storage.ingestion.targets import IngestConfig


class LocalStorage:
    """`ingest_results` with the target local: the local store, and beside it the collection as files.

    Each call leaves `{collection}.json` and `{collection}.parquet` in the folder, with all documents that
    the collection holds.
    """

    def __init__(self, base_path: str | Path = "./results") -> None:
        self.base_path = Path(base_path)

    def save_results(
        self, results: Results, collection: str = "results", unique_fields: Sequence[str] = ()
    ) -> IngestResult:
        """Keep results; what may escape is what escapes from `ingest_results`."""
        return blocking(partial(self.asave_results, results, collection, unique_fields), "asave_results")

    async def asave_results(
        self, results: Results, collection: str = "results", unique_fields: Sequence[str] = ()
    ) -> IngestResult:
        """The same, to be awaited."""
        config = IngestConfig(base_path=self.base_path, collection=collection, unique_fields=tuple(unique_fields))
        return await aingest_results(results, "local", config)
