"""Where a simulated market goes: one module a technology, one door to them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from config import Settings
from consumer.simulator.publishers.base import Publisher
from consumer.simulator.publishers.file import to_file
from consumer.simulator.publishers.kafka import to_kafka
from consumer.simulator.publishers.nats import to_jetstream, to_nats

__all__ = ["Publisher", "open_publisher"]


def open_publisher(to: str, settings: Settings, *, create: bool = False) -> AbstractAsyncContextManager[Publisher]:
    """A publisher to `jetstream`, `nats`, `kafka`, or else to a new file of that name.

    With `create` a stream or topic that is not there is made. Entering raises SourceUnavailable or SourceRefused.
    """
    match to:
        case "jetstream":
            return to_jetstream(settings.nats, create=create)
        case "nats":
            return to_nats(settings.nats)
        case "kafka":
            return to_kafka(settings.kafka, create=create)
    return to_file(Path(to))
