"""From settings to MongoDB, for whoever keeps documents there."""

from __future__ import annotations

from config import Settings
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter


def mongodb_of(settings: Settings, *, database: str | None = None, remember: bool = False) -> BaseAdapter:
    """MongoDB as MONGODB_* say, not connected yet; `database` stands for MONGODB_DB.

    `remember` is for whoever writes what a bus delivers, perhaps twice; a replay must see what is really there.
    """
    from storage.adapters.mongodb.options import ClientOptions  # the driver is for those who use it

    mongodb = settings.mongodb
    return get_adapter(
        "mongodb",
        settings.mongodb_uri.get_secret_value(),
        database=database or mongodb.database,
        layout=mongodb.layout,
        driver=mongodb.driver,
        max_collections=settings.store.max_collections,
        validation=mongodb.validation,
        retention=settings.retention.by_kind,
        remember_seconds=mongodb.remember_seconds if remember else 0,
        client=ClientOptions(
            max_pool_size=mongodb.max_pool_size,
            wait_queue_seconds=mongodb.wait_queue_seconds,
            tls=None if mongodb.tls is None else mongodb.tls == "on",
            tls_ca_file=mongodb.tls_ca_file,
            tls_cert_file=mongodb.tls_cert_file,
        ),
    )
