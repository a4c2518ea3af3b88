"""The local store: Parquet files, and SQLite for what says which of them count. No server."""

from storage.adapters.local.adapter import LocalAdapter
from storage.adapters.local.compaction import Compaction, Sizes

__all__ = ["Compaction", "LocalAdapter", "Sizes"]
