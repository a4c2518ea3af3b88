"""From settings to the store that holds the documents."""

from __future__ import annotations

from config import Settings
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.connections import mongodb_of


def store_of(settings: Settings, *, read_only: bool = False, remember: bool = False) -> BaseAdapter:
    """The adapter that the settings name, not connected yet."""
    if settings.store.kind == "mongodb":
        return mongodb_of(settings, remember=remember)
    limit, local = settings.store.max_collections, settings.local
    return get_adapter("local", str(local.path), max_collections=limit, read_only=read_only, format=local.format)
