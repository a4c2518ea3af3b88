"""From settings to the store that holds the documents."""

from __future__ import annotations

from config import Settings
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter


def store_of(settings: Settings, *, read_only: bool = False) -> BaseAdapter:
    """The adapter that the settings name, not connected yet."""
    limit = settings.store.max_collections
    if settings.store.kind == "mongodb":
        mongodb = settings.mongodb
        return get_adapter(
            "mongodb",
            settings.mongodb_uri.get_secret_value(),
            database=mongodb.database,
            layout=mongodb.layout,
            driver=mongodb.driver,
            max_collections=limit,
        )
    return get_adapter("local", str(settings.local.path), max_collections=limit, read_only=read_only)
