"""Where documents and metadata go."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, SecretStr

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
    validation: Literal["off", "moderate", "strict"] = Field(
        "off",
        alias="MONGODB_VALIDATION",
        description="The server checks each document against its schema; moderate spares old ones that break it.",
    )
    max_pool_size: int | None = Field(
        None,
        alias="MONGODB_MAX_POOL_SIZE",
        ge=1,
        le=1000,
        description="Connections at most; unset: maxPoolSize of MONGODB_URI, or 50.",
    )
    wait_queue_seconds: float = Field(
        10.0,
        alias="MONGODB_WAIT_QUEUE_SECONDS",
        gt=0,
        le=60,
        description="How long a caller waits for one of them.",
    )
    remember_seconds: float = Field(
        120.0,
        alias="MONGODB_REMEMBER_SECONDS",
        ge=0,
        le=3600,
        description="How long `run` knows what it wrote, so as not to send a redelivery again; 0: not at all.",
    )
    tls: Literal["on", "off"] | None = Field(
        None,
        alias="MONGODB_TLS",
        description="on: encrypted, certificate and host name verified; wins over MONGODB_URI.",
    )
    tls_ca_file: Path | None = Field(
        None,
        alias="MONGODB_TLS_CA_FILE",
        description="Certificate authorities (PEM) to trust instead of this machine's; means MONGODB_TLS=on.",
    )
    tls_cert_file: Path | None = Field(
        None,
        alias="MONGODB_TLS_CERT_FILE",
        description="Client certificate and its key in one PEM file; means MONGODB_TLS=on.",
    )


class LocalSettings(Section):
    """Files on this machine (`STORE=local`), and what is kept beside any store."""

    path: Path = Field(Path("./data"), alias="LOCAL_PATH", description="Folder of market data, SQLite and spool.")
    format: Literal["parquet", "json"] = Field(
        "parquet",
        alias="LOCAL_FORMAT",
        description="What new files of market data are: Parquet, or lines of JSON. A store may hold both.",
    )


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
        description="run, replay and demo bring tables and collections up to date, under a lock.",
    )
    schema_compatibility: Literal["backward", "forward", "full", "none"] = Field(
        "backward",
        alias="SCHEMA_COMPATIBILITY",
        description="How the schema of a registered dataset may change; backward: what is stored stays readable.",
    )
    tls_ca_file: Path | None = Field(
        None,
        alias="METADATA_TLS_CA_FILE",
        description="Certificate authorities (PEM) to trust; certificate and host name are verified then.",
    )
    tls_cert_file: Path | None = Field(
        None, alias="METADATA_TLS_CERT_FILE", description="Client certificate (PEM); verifies as the one above does."
    )
    tls_key_file: Path | None = Field(
        None, alias="METADATA_TLS_KEY_FILE", description="Key of the client certificate (PEM)."
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
    quota: ByteSize = Field(
        ByteSize(0),
        alias="DATA_QUOTA_BYTES",
        ge=0,
        description="What the store may hold, as it is billed or as the disk is large; 0: no quota.",
    )
    quota_warn_share: float = Field(
        0.8,
        alias="DATA_QUOTA_WARN_SHARE",
        gt=0,
        le=1,
        description="Share of the quota from which on a warning is logged.",
    )
