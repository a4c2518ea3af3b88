"""The stores that we know, each in a module of its own that is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from storage.adapters.base import BaseAdapter

__all__ = ["ADAPTERS", "get_adapter"]

ADAPTERS: Mapping[str, str] = {
    "local": "storage.adapters.local:LocalAdapter",
    "mariadb": "storage.adapters.sql:MySQLAdapter",
    "memory": "storage.adapters.memory:MemoryAdapter",
    "mongodb": "storage.adapters.mongodb:MongoDBAdapter",
    "mysql": "storage.adapters.sql:MySQLAdapter",
    "postgresql": "storage.adapters.sql:PostgreSQLAdapter",
    "sqlite": "storage.adapters.sql:SQLiteAdapter",
}


def get_adapter(type: str, connection_string: str = "", **options: Any) -> BaseAdapter:
    """The adapter of a type, not yet connected; raises ValueError that names the known types.

    `connection_string` is a URI for servers and a folder for files; `memory` needs none.
    """
    if type not in ADAPTERS:
        raise ValueError(f"there is no adapter {type!r}; known are {', '.join(sorted(ADAPTERS))}")
    module, _, name = ADAPTERS[type].partition(":")
    adapter: BaseAdapter = getattr(import_module(module), name)(connection_string, **options)
    return adapter
