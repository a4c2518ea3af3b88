"""From settings to the store that holds the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import Settings
from config.store import MongoSettings
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter

if TYPE_CHECKING:
    from storage.adapters.mongodb.options import ClientOptions


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
            validation=mongodb.validation,
            retention=settings.retention.by_kind,
            client=client_options(mongodb),
        )
    return get_adapter("local", str(settings.local.path), max_collections=limit, read_only=read_only)


def client_options(mongodb: MongoSettings) -> ClientOptions:
    """What a client of MongoDB is told beside its connection string."""
    from storage.adapters.mongodb.options import ClientOptions  # the driver is for those who use it

    return ClientOptions(
        max_pool_size=mongodb.max_pool_size,
        wait_queue_seconds=mongodb.wait_queue_seconds,
        tls=None if mongodb.tls is None else mongodb.tls == "on",
        tls_ca_file=mongodb.tls_ca_file,
        tls_cert_file=mongodb.tls_cert_file,
    )
