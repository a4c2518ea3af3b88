"""How messages flow: batches, bounds, retries, the breaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ByteSize, Field

from config.section import Section


class Suited(NamedTuple):
    """What suits a store; `patience` is the share of the age that a batch waits for while nothing is written."""

    max_messages: int
    max_writes: int
    age_seconds: float
    patience: float


SUITED: Mapping[str, Suited] = {
    "mongodb": Suited(2000, 8, 0.1, 1 / 8),
    "local": Suited(8000, 4, 5.0, 1),
}
"""A batch that is written early costs a database little. Every file stays and has to be compacted: it is worth waiting
for, and threads write it, which wait for Python's one lock; with fewer than these a slow disk would stop them all."""


class BatchSettings(Section):
    """When a batch is written, and how much may be on its way."""

    max_messages: int = Field(
        SUITED["mongodb"].max_messages,
        alias="BATCH_MAX_MESSAGES",
        ge=1,
        le=100_000,
        description="A batch is cut at this many records; local store, unless set: 8000.",
    )
    max_bytes: ByteSize = Field(
        ByteSize(4 * 1024 * 1024),
        alias="BATCH_MAX_BYTES",
        ge=1,
        le=64 * 1024 * 1024,
        description="A batch is cut at this many message bytes; 4MiB or plain bytes.",
    )
    max_age_seconds: float | None = Field(
        None,
        alias="BATCH_MAX_AGE_SECONDS",
        gt=0,
        le=300,
        description="Age of a batch that is cut; MongoDB: less while writers are free; unset: 0.1, local store 5.",
    )
    max_writes: int = Field(
        SUITED["mongodb"].max_writes,
        alias="BATCH_MAX_WRITES",
        ge=1,
        le=256,
        description="Batches that are written at a time; more make them small. Local store, unless set: 4.",
    )
    max_in_flight_messages: int = Field(
        50_000,
        alias="MAX_IN_FLIGHT_MESSAGES",
        ge=1,
        le=10_000_000,
        description="Messages received, not settled: with so many the pull stops; of Kafka 8 times as many may wait.",
    )
    max_in_flight_bytes: ByteSize = Field(
        ByteSize(64 * 1024 * 1024),
        alias="MAX_IN_FLIGHT_BYTES",
        ge=1024,
        description="Their bytes, six times over where they are packed; at this many the pull stops.",
    )
    drain_seconds: float = Field(
        20.0,
        alias="DRAIN_SECONDS",
        gt=0,
        le=600,
        description="After SIGTERM: time to write and settle the rest.",
    )


class Batching(NamedTuple):
    """How batches are cut and written: what the settings say, or else what suits the store.

    `ages` are the seconds after which one is cut: while nothing is being written, and while all writers are busy.
    """

    max_messages: int
    max_bytes: int
    max_writes: int
    drain_seconds: float
    ages: tuple[float, float]


class MessageLimits(Section):
    """What a message may be before anything looks into it."""

    max_message_bytes: ByteSize = Field(
        ByteSize(8 * 1024 * 1024),
        alias="MESSAGE_MAX_BYTES",
        ge=1024,
        le=64 * 1024 * 1024,
        description="A larger message becomes a dead letter.",
    )
    max_nesting: int = Field(
        32, alias="MESSAGE_MAX_NESTING", ge=4, le=500, description="A deeper message becomes a dead letter."
    )


class RetrySettings(Section):
    """How a failed write is tried again, and when the breaker stops the pull."""

    base_seconds: float = Field(
        0.05,
        alias="RETRY_BASE_SECONDS",
        gt=0,
        le=5,
        description="First delay at most; doubles, with full jitter.",
    )
    max_seconds: float = Field(
        5.0,
        alias="RETRY_MAX_SECONDS",
        gt=0,
        le=5,
        description="No delay is longer; healing within 15 s needs ≤ 5.",
    )
    failure_threshold: int = Field(
        5,
        alias="BREAKER_FAILURE_THRESHOLD",
        ge=1,
        le=1000,
        description="Failures in a row that open the breaker.",
    )
    recovery_seconds: float = Field(
        2.0, alias="BREAKER_RECOVERY_SECONDS", gt=0, le=5, description="Open this long, then one probe."
    )
