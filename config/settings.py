"""The whole of the settings, in sections."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from config.bus import FileSettings, KafkaSettings, NatsSettings
from config.flow import SUITED, Batching, BatchSettings, MessageLimits, RetrySettings
from config.retention import RetentionSettings
from config.rules import check_rules
from config.section import Section
from config.service import HttpSettings, TelemetrySettings
from config.store import LocalSettings, MetadataSettings, MongoSettings, StoreSettings
from config.tls import with_tls
from config.urls import asynchronous, mongodb_uri, mysql_url, sqlite_url


class Settings(Section):
    """Everything that the service was told; see docs/configuration.md."""

    source: Literal["jetstream", "nats", "kafka", "file"] = Field(
        "jetstream", alias="SOURCE", description="Where messages come from."
    )
    guarantee: Literal["any", "at_least_once"] = Field(
        "any",
        alias="GUARANTEE",
        description="What the bus must promise: at_least_once refuses SOURCE=nats, which loses what it cannot hold.",
    )
    market: str = Field(
        "default",
        alias="MARKET",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="Name of the market that this database holds, e.g. binance-spot; part of each dataset's id.",
    )
    nats: NatsSettings = NatsSettings()
    kafka: KafkaSettings = KafkaSettings()
    file: FileSettings = FileSettings()
    store: StoreSettings = StoreSettings()
    retention: RetentionSettings = RetentionSettings()
    mongodb: MongoSettings = MongoSettings()
    local: LocalSettings = LocalSettings()
    metadata: MetadataSettings = MetadataSettings()
    batch: BatchSettings = BatchSettings()
    message: MessageLimits = MessageLimits()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    _given: dict[str, str] = PrivateAttr(default_factory=dict)
    """Where each key that is no default came from: "file", "environment", "environment (POSTGRES_HOST)"."""

    @property
    def mongodb_uri(self) -> SecretStr:
        """The connection string of MongoDB, given or built."""
        mongodb = self.mongodb
        password = mongodb.password.get_secret_value() if mongodb.password else None
        return mongodb.uri or SecretStr(mongodb_uri(mongodb.host, mongodb.port, mongodb.user, password))

    @property
    def metadata_url(self) -> SecretStr:
        """The SQLAlchemy URL of the metadata, given or built, with a driver that can be awaited."""
        metadata = self.metadata
        return SecretStr(
            with_tls(self._metadata_url(), metadata.tls_ca_file, metadata.tls_cert_file, metadata.tls_key_file)
        )

    def _metadata_url(self) -> str:
        metadata = self.metadata
        if given := metadata.url or metadata.mysql_uri:
            return asynchronous(given.get_secret_value())
        if metadata.host is None:
            return sqlite_url(self.local.path / "metadata.sqlite")
        password = metadata.password.get_secret_value()
        return mysql_url(metadata.host, metadata.port, metadata.user, password, metadata.database)

    @property
    def batching(self) -> Batching:
        """How batches are cut and written; what is unset suits the store."""
        given, suited = self.batch, SUITED[self.store.kind]
        said, age = given.model_fields_set, given.max_age_seconds or suited.age_seconds
        return Batching(
            given.max_messages if "max_messages" in said else min(suited.max_messages, given.max_in_flight_messages),
            int(given.max_bytes),
            given.max_writes if "max_writes" in said else suited.max_writes,
            given.drain_seconds,
            (age * suited.patience, age),
        )

    @model_validator(mode="after")
    def _keep_promises(self) -> Self:
        check_rules(self)
        return self
