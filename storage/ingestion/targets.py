"""Where an ingestion goes: a target by name, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config import load
from storage.adapters import get_adapter
from storage.adapters.base import BaseAdapter
from storage.connections import mongodb_of

TARGETS = ("local", "mariadb", "mongodb", "mysql", "postgresql", "sqlite")
DATABASE = "tapestore"


class TargetError(ValueError):
    """A target that there is not, or that cannot be reached with what is known."""


class IngestConfig(BaseModel):
    """How an ingestion goes about it.

    `connection` is the URI of a server; without one the settings of this process say (MONGODB_*, METADATA_URL,
    MYSQL_*). `database` is that of MongoDB, `base_path` the folder of `local`. `unique_fields` make a
    document's key; without them it is the SHA-256 of its canonical JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connection: SecretStr | None = None
    database: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,63}$")
    collection: str = "results"
    base_path: Path | None = None
    unique_fields: tuple[str, ...] = ()
    dry_run: bool = False
    batch_size: int = Field(1000, ge=1, le=100_000)

    @classmethod
    def of(cls, config: Mapping[str, Any] | IngestConfig | None) -> IngestConfig:
        """The configuration from what a caller gave; raises ValueError, which never shows the connection."""
        return config if isinstance(config, IngestConfig) else cls.model_validate(config or {})


def adapter_of(target: str, config: IngestConfig) -> BaseAdapter:
    """The store of a target, not connected; raises TargetError for one that there is not, or that lacks its address."""
    if target not in TARGETS:
        raise TargetError(f"there is no target {target!r}; known are {', '.join(TARGETS)}")
    if target == "local":
        return get_adapter("local", str(folder_of(config)))
    if target == "mongodb":
        return _mongodb(config)
    return get_adapter(target, _sql(target, config))


def folder_of(config: IngestConfig) -> Path:
    """The folder of the target local."""
    return config.base_path or load().local.path


def _mongodb(config: IngestConfig) -> BaseAdapter:
    if config.connection is None:
        return mongodb_of(load(), database=config.database)
    uri = config.connection.get_secret_value()
    return get_adapter("mongodb", uri, database=config.database or urlsplit(uri).path.strip("/") or DATABASE)


def _sql(target: str, config: IngestConfig) -> str:
    if config.database is not None:
        raise TargetError("the database of a SQL target is part of its connection")
    if config.connection is not None:
        return config.connection.get_secret_value()
    url = load().metadata_url.get_secret_value()
    if url.partition(":")[0].partition("+")[0] != {"mariadb": "mysql"}.get(target, target):
        raise TargetError(f"target {target} needs a connection: the settings name another kind of database")
    return url
