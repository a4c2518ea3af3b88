"""The whole of the settings, in sections."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.bus import FileSettings, KafkaSettings, NatsSettings
from config.flow import BatchSettings, MessageLimits, RetrySettings
from config.section import Section
from config.service import HttpSettings, TelemetrySettings
from config.store import LocalSettings, MetadataSettings, MongoSettings, StoreSettings


class Settings(Section):
    """Everything that the service was told; see docs/configuration.md."""

    source: Literal["jetstream", "nats", "kafka", "file"] = Field(
        "jetstream", alias="SOURCE", description="Where messages come from."
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
    mongodb: MongoSettings = MongoSettings()
    local: LocalSettings = LocalSettings()
    metadata: MetadataSettings = MetadataSettings()
    batch: BatchSettings = BatchSettings()
    message: MessageLimits = MessageLimits()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
