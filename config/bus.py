"""Where messages come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from config.section import CommaList, Section
from config.urls import Brokers, NatsUrl


class NatsSettings(Section):
    """NATS, with JetStream (`SOURCE=jetstream`) or without (`SOURCE=nats`)."""

    url: NatsUrl = Field(
        SecretStr("nats://127.0.0.1:4222"),
        alias="NATS_URL",
        description="Servers, separated by commas; may carry user:password@. tls:// refuses a server without TLS.",
    )
    stream: str = Field("MARKET", alias="NATS_STREAM", pattern=r"^[^\s.*>]+$", description="JetStream stream to read.")
    subject: str = Field(
        "binance.futures.websocket.data",
        alias="NATS_SUBJECT",
        pattern=r"^\S+$",
        description="Subject to consume; wildcards are allowed, e.g. md.>.",
    )
    durable: str = Field(
        "tapestore",
        alias="NATS_DURABLE",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Name of the durable consumer that all pods share; with SOURCE=nats the queue group.",
    )
    ack_wait_seconds: float = Field(
        10.0,
        alias="NATS_ACK_WAIT_SECONDS",
        ge=1,
        le=3600,
        description="After this long without ack or progress JetStream delivers a message again.",
    )
    tls_ca_file: Path | None = Field(
        None,
        alias="NATS_TLS_CA_FILE",
        description="Certificate authorities (PEM) to trust instead of this machine's; for tls:// in NATS_URL.",
    )
    tls_cert_file: Path | None = Field(
        None, alias="NATS_TLS_CERT_FILE", description="Client certificate (PEM); for tls:// in NATS_URL."
    )
    tls_key_file: Path | None = Field(
        None, alias="NATS_TLS_KEY_FILE", description="Key of the client certificate (PEM)."
    )


class KafkaSettings(Section):
    """Apache Kafka (`SOURCE=kafka`)."""

    bootstrap_servers: Brokers = Field(
        "127.0.0.1:9092",
        alias="KAFKA_BOOTSTRAP_SERVERS",
        min_length=1,
        description="host:port of brokers, separated by commas.",
    )
    topics: CommaList = Field(
        ("market-data",), alias="KAFKA_TOPICS", min_length=1, description="Topics, separated by commas."
    )
    group_id: str = Field(
        "tapestore", alias="KAFKA_GROUP_ID", min_length=1, description="Consumer group that all pods share."
    )
    group_instance_id: str | None = Field(
        None,
        alias="KAFKA_GROUP_INSTANCE_ID",
        description="Static member name; only with stable, distinct pod names (a StatefulSet).",
    )
    revoke_seconds: float = Field(
        20.0,
        alias="KAFKA_REVOKE_SECONDS",
        gt=0,
        le=60,
        description="When partitions are taken away: how long to flush and commit before letting go.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", alias="KAFKA_SECURITY_PROTOCOL", description="How to talk to the brokers."
    )
    tls_ca_file: Path | None = Field(
        None,
        alias="KAFKA_TLS_CA_FILE",
        description="Certificate authorities (PEM) to trust instead of this machine's, with SSL or SASL_SSL.",
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", alias="KAFKA_SASL_MECHANISM", description="SASL mechanism, where the protocol asks for one."
    )
    sasl_username: str | None = Field(None, alias="KAFKA_SASL_USERNAME", description="SASL user.")
    sasl_password: SecretStr | None = Field(None, alias="KAFKA_SASL_PASSWORD", description="SASL password.")


class FileSettings(Section):
    """Captured messages (`SOURCE=file`)."""

    files: CommaList = Field(
        (),
        alias="REPLAY_FILES",
        description="Files of captured messages, separated by commas: JSON lines, plain, gzip or zstd.",
    )
