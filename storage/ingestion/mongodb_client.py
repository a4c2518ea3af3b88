"""What builds and runs report, straight into MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pydantic import SecretStr

from storage.ingestion.api import aingest_results
from storage.ingestion.blocking import blocking
from storage.ingestion.phases import Report, build_documents, run_documents
from storage.ingestion.results import IngestResult
from storage.ingestion.targets import IngestConfig


class MongoDBClient:
    """Two names for `ingest_results` with the target mongodb; each call connects and disconnects.

    Builds go to the collection `build_results`, runs to `run_results`. `unique_fields` make a document's
    key; without them it is its content. What may escape is what escapes from `ingest_results`.
    """

    def __init__(self, connection_string: str = "mongodb://localhost:27017", database: str | None = None) -> None:
        self._connection = SecretStr(connection_string)
        self._database = database

    def ingest_build_results(self, build_manifest: Report, unique_fields: Sequence[str] = ()) -> IngestResult:
        """Keep what a build made: see `build_documents`."""
        work = partial(self.aingest_build_results, build_manifest, unique_fields)
        return blocking(work, "aingest_build_results")

    async def aingest_build_results(self, build_manifest: Report, unique_fields: Sequence[str] = ()) -> IngestResult:
        """The same, to be awaited."""
        config = self._config("build_results", unique_fields)
        return await aingest_results(build_documents(build_manifest), "mongodb", config)

    def ingest_run_results(self, run_summary: Report, unique_fields: Sequence[str] = ()) -> IngestResult:
        """Keep what came of runs: see `run_documents`."""
        work = partial(self.aingest_run_results, run_summary, unique_fields)
        return blocking(work, "aingest_run_results")

    async def aingest_run_results(self, run_summary: Report, unique_fields: Sequence[str] = ()) -> IngestResult:
        """The same, to be awaited."""
        config = self._config("run_results", unique_fields)
        return await aingest_results(run_documents(run_summary), "mongodb", config)

    def _config(self, collection: str, unique_fields: Sequence[str]) -> IngestConfig:
        return IngestConfig(
            connection=self._connection,
            database=self._database,
            collection=collection,
            unique_fields=tuple(unique_fields),
        )
