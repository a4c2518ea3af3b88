"""What could not become a document, kept whole: dead letters and conflicts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from storage.outcomes import Reason


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message, or one element of it, that can never be stored, with all that a replay needs.

    `data` are the bytes of the whole message as they came; `message_time` is the bus's record time in
    epoch milliseconds, so that a replayed message without a time of its own meets itself.
    """

    data: bytes
    subject: str = ""
    headers: Mapping[str, str] = {}
    source: str
    position: str
    message_time: int | None = None
    element: int = 0
    reason: Reason
    error: str
    trace_id: str | None = None
    first_seen: datetime
    last_seen: datetime
    attempts: int = 1
    replayed_at: datetime | None = None

    @property
    def id(self) -> str:
        """The same letter delivered twice has the same id."""
        digest = hashlib.sha256(self.data).hexdigest()[:16]
        return f"{self.source}:{self.position}:{digest}:{self.element}"


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """One key, two contents: both are kept, the first stays in its collection."""

    collection: str
    key: str
    stored: Mapping[str, Any]
    incoming: Mapping[str, Any]
    source: str
    position: str
    seen_at: datetime

    @property
    def id(self) -> str:
        """The same conflicting content delivered twice has the same id."""
        text = repr(sorted((name, str(value)) for name, value in self.incoming.items()))
        return f"{self.collection}:{self.key}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
