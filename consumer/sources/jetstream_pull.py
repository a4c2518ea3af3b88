"""One request for messages of a JetStream consumer, and what the server says about it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

from consumer.sources.nats_message import Pulled


class Pull:
    """So many messages and bytes were asked for; it is over when they came, or when the server says so.

    Bytes are counted as the server does: subject, reply subject, headers and data.
    """

    __slots__ = ("batch", "bytes_left", "inbox", "left", "max_bytes")

    def __init__(self, inbox: str, batch: int, max_bytes: int = 0) -> None:
        self.inbox = inbox
        self.batch = batch
        self.max_bytes = max_bytes  # 0: no limit
        self.left = batch
        self.bytes_left = max_bytes or sys.maxsize

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.left <= 0 or self.bytes_left <= 0

    @property
    def untouched(self) -> bool:
        """Whether nothing came of it yet."""
        return self.left == self.batch

    def took(self, messages: Sequence[Pulled]) -> bool:
        """Messages came; whether that was all."""
        self.left -= len(messages)
        self.bytes_left -= sum([each.size for each in messages])
        return self.over

    def end(self) -> None:
        """The server gives nothing more for it."""
        self.left = 0

    def request(self, expires_ns: int, heartbeat_ns: int) -> bytes:
        """What is asked of the server, as JSON."""
        asked = {"batch": self.batch, "expires": expires_ns, "idle_heartbeat": heartbeat_ns}
        return msgspec.json.encode(asked | {"max_bytes": self.max_bytes} if self.max_bytes else asked)


class Verdict(Enum):
    """What a status of the server means for the pull that it is about."""

    ALIVE = "alive"  # a heartbeat
    OVER = "over"  # expired, or complete: ask again
    TOO_LARGE = "too large"  # the next message does not fit: ask again
    LOST = "lost"  # the consumer is gone, the server goes, or it refuses the request


def verdict(headers: Mapping[str, str] | None) -> Verdict:
    """Judge a message without a reply subject: a status (facts: 100, 404, 408, 409, 503)."""
    match (headers or {}).get("Status"), (headers or {}).get("Description", ""):
        case "100", _:
            return Verdict.ALIVE
        case ("404" | "408", _) | ("409", "Batch Completed"):
            return Verdict.OVER
        case "409", "Message Size Exceeds MaxBytes":
            return Verdict.TOO_LARGE
    return Verdict.LOST


def status_text(headers: Mapping[str, str] | None) -> str:
    """The status for people."""
    return " ".join((headers or {}).get(name, "") for name in ("Status", "Description")).strip() or "no status"
