"""Results of any shape into any store: keyed, upserted, and each of them accounted for."""

from storage.ingestion.api import aingest_results, ingest_results, ingesting
from storage.ingestion.ingestion import Ingestion
from storage.ingestion.local_storage import LocalStorage
from storage.ingestion.mongodb_client import MongoDBClient
from storage.ingestion.phases import build_documents, run_documents
from storage.ingestion.results import Failure, IngestResult
from storage.ingestion.targets import TARGETS, IngestConfig, TargetError

__all__ = [
    "TARGETS",
    "Failure",
    "IngestConfig",
    "IngestResult",
    "Ingestion",
    "LocalStorage",
    "MongoDBClient",
    "TargetError",
    "aingest_results",
    "build_documents",
    "ingest_results",
    "ingesting",
    "run_documents",
]
