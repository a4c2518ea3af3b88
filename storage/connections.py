"""From settings to the databases that they name, not connected yet."""

from __future__ import annotations

from config import Settings
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter


def mongodb_of(settings: Settings) -> BaseAdapter:
    """MongoDB as MONGODB_* say."""
    mongodb = settings.mongodb
    return get_adapter(
        "mongodb",
        settings.mongodb_uri.get_secret_value(),
        database=mongodb.database,
        layout=mongodb.layout,
        driver=mongodb.driver,
        max_collections=settings.store.max_collections,
    )
