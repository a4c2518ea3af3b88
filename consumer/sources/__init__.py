"""Where messages come from: one source for each bus, by the name that SOURCE gives it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from config import Settings
from consumer.sources.base import EndOfSource, Guarantee, Source, SourceStatus

SOURCES = {
    "file": "consumer.sources.file:FileSource",
    "jetstream": "consumer.sources.jetstream:JetStreamSource",
    "kafka": "consumer.sources.kafka:KafkaSource",
    "nats": "consumer.sources.nats_core:NatsCoreSource",
}

# What a source holds ready at most, besides what is in flight: a quarter of those messages, an eighth of their bytes.
PREFETCH_MESSAGES, PREFETCH_BYTES = 4, 8
# What waits sorted takes three fifths of the bytes that may be in flight; packed, each message takes a sixth of the
# memory of one that is on its way, so there may be more of them.
SORTED_MESSAGES, SORTED_SHARE = 8, 0.6


def open_source(settings: Settings) -> Source:
    """The source that SOURCE names, ready to be entered; `file` goes on where it was, in LOCAL_PATH."""
    kind = _load(SOURCES[settings.source])
    messages, size = settings.batch.max_in_flight_messages, int(settings.batch.max_in_flight_bytes)
    ready = {"prefetch_messages": max(1, messages // PREFETCH_MESSAGES), "prefetch_bytes": size // PREFETCH_BYTES}
    match settings.source:
        case "jetstream":
            return kind(settings.nats, **ready, max_ack_pending=2 * messages)
        case "nats":  # it cannot be paused: the more it holds, the less is lost
            return kind(settings.nats, prefetch_messages=messages, prefetch_bytes=size)
        case "kafka":
            waiting = {"sorted_messages": SORTED_MESSAGES * messages, "sorted_bytes": int(SORTED_SHARE * size)}
            return kind(settings.kafka, **ready, **waiting)
        case "file":
            progress = settings.local.path / "file-progress.json"
            return kind(
                settings.file.files, max_message_bytes=int(settings.message.max_message_bytes), resume_path=progress
            )


def _load(place: str) -> Callable[..., Source]:
    """A source's class, imported when it is used: nobody waits for the drivers of the others."""
    module, _, name = place.partition(":")
    kind: Callable[..., Source] = getattr(import_module(module), name)
    return kind


__all__ = ["SOURCES", "EndOfSource", "Guarantee", "Source", "SourceStatus", "open_source"]
