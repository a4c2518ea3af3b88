"""What can be asked over HTTP, and of whom: the service answers from what it knows, without waiting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from consumer.telemetry.logs import redact

Told = Annotated[str, AfterValidator(redact)]
"""Text that came from an error: shown to whoever asks, so without credentials."""


class Snapshot(BaseModel):
    """A picture of one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(Snapshot):
    """One thing that must be so before the service is ready; `detail` says why it is not."""

    name: str
    ok: bool
    detail: Told = ""


class Liveness(Snapshot):
    """Whether the process itself works, whatever its neighbours do."""

    ok: bool
    loop_lag_seconds: float
    seconds_since_progress: float
    detail: Told = ""


class SourceState(Snapshot):
    """The bus as the source sees it; `lag` counts waiting messages, None where nobody knows."""

    name: str
    destination: str
    guarantee: str
    connected: bool
    subscribed: bool
    lag: int | None
    received: int = 0
    redelivered: int = 0
    dropped: int = 0
    problem: Told = ""
    details: dict[str, str | int | None] = {}


class Lane(Snapshot):
    """What waits for the write of one kind."""

    kind: str
    batches: int
    records: int
    bytes: int


class InFlight(Snapshot):
    """Messages received and not settled, and the bounds at which the pull stops."""

    messages: int
    bytes: int
    max_messages: int
    max_bytes: int


class LineageSpool(Snapshot):
    """Lineage rows that wait on disk for the metadata database; `error` is why."""

    rows: int
    error: Told = ""


class Status(Snapshot):
    """What the service is doing; `records` counts by kind and fate since the start of the process.

    `store_problem` says which write the store does not take, and why; what waits for it is not settled.
    """

    version: str
    run_id: str
    market: str
    store: str
    store_problem: Told = ""
    state: str
    started_at: datetime
    sources: list[SourceState]
    lanes: list[Lane]
    breaker: str
    in_flight: InFlight
    records: dict[str, dict[str, int]]
    lineage_spool: LineageSpool


class Snapshots(Protocol):
    """Whoever answers. Called on the event loop, for every request: must not wait and must not raise."""

    def liveness(self) -> Liveness:
        """Whether the event loop turns and work is done; a neighbour that is down is no reason for no."""
        ...

    def readiness(self) -> Sequence[Check]:
        """What must be so to be ready, each with its state."""
        ...

    def started(self) -> bool:
        """Whether the start is over; false until the first `readiness` without a fault."""
        ...

    def status(self) -> Status:
        """What is going on."""
        ...
