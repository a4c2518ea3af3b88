"""Where documents and metadata go."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from config.section import Section
from config.urls import Host, MongodbUri, SqlalchemyUrl


class MongoSettings(Section):
    """MongoDB (`STORE=mongodb`)."""

    uri: MongodbUri | None = Field(
        None, alias="MONGODB_URI", description="Connection string; wins over host, port, user and password."
    )
    host: Host = Field("127.0.0.1", alias="MONGODB_HOST", min_length=1, description="Host, without MONGODB_URI.")
    port: int = Field(27017, alias="MONGODB_PORT", ge=1, le=65535, description="Port, without MONGODB_URI.")
    user: str | None = Field(None, alias="MONGODB_USER", description="User, without MONGODB_URI.")
    password: SecretStr | None = Field(None, alias="MONGODB_PASSWORD", description="Password of that user.")
    database: str = Field(
        "tapestore",
        alias="MONGODB_DB",
        pattern=r"^[A-Za-z0-9_-]{1,63}$",
        description="Database. It holds one market: the same symbol means different things in each.",
    )
    driver: Literal["pymongo", "motor"] = Field(
        "pymongo", alias="MONGODB_DRIVER", description="Driver; motor needs the extra tapestore[motor]."
    )
    layout: Literal["indexed", "clustered"] = Field(
        "indexed",
        alias="MONGODB_LAYOUT",
        description="indexed: an index on timestamp; clustered: stored in the order of _id.",
    )


class LocalSettings(Section):
    """Files on this machine (`STORE=local`), and what is kept beside any store."""

    path: Path = Field(Path("./data"), alias="LOCAL_PATH", description="Folder of Parquet files, SQLite and spool.")


class MetadataSettings(Section):
    """The SQL database of datasets, audits, health, backfill jobs and lineage."""

    url: SqlalchemyUrl | None = Field(
        None,
        alias="METADATA_URL",
        description="SQLAlchemy URL; mysql:// and mysql+pymysql:// mean aiomysql. Wins over MYSQL_*.",
    )
    mysql_uri: SqlalchemyUrl | None = Field(None, alias="MYSQL_URI", description="The same, under its older name.")
    host: Host | None = Field(
        None,
        alias="MYSQL_HOST",
        description="Host; falls back to POSTGRES_HOST. Without one: SQLite in LOCAL_PATH.",
    )
    port: int = Field(3306, alias="MYSQL_PORT", ge=1, le=65535, description="Port; falls back to POSTGRES_PORT.")
    user: str = Field("root", alias="MYSQL_USER", description="User; falls back to POSTGRES_USER.")
    password: SecretStr = Field(
        SecretStr(""), alias="MYSQL_PASSWORD", description="Password; falls back to POSTGRES_PASSWORD."
    )
    database: str = Field("tapestore", alias="MYSQL_DB", description="Database; falls back to POSTGRES_DB.")
    migrate_on_start: bool = Field(
        True,
        alias="MIGRATE_ON_START",
        description="run, replay and demo bring the tables up to date, under a lock.",
    )


class StoreSettings(Section):
    """Which store holds the documents, and its limits."""

    kind: Literal["local", "mongodb"] = Field("local", alias="STORE", description="Where documents are stored.")
    max_collections: int = Field(
        5000,
        alias="MAX_COLLECTIONS",
        ge=1,
        le=1_000_000,
        description="Collections at most; beyond it new symbols become dead letters, existing ones go on.",
    )
