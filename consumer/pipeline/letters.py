"""From a part that cannot be stored to what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from consumer.pipeline.entries import Entry, Failed
from consumer.telemetry.traces import trace_id_of
from storage import Conflict, DeadLetter, Table
from storage.packed import plain


def dead_letter(failed: Failed, now: datetime) -> DeadLetter:
    """The whole message, with why and when."""
    message = failed.delivery.message
    return DeadLetter(
        data=message.data,
        subject=message.subject,
        headers=message.headers,
        source=message.source,
        position=message.position,
        message_time=message.time_ms,
        element=failed.element,
        reason=failed.reason,
        error=failed.error,
        trace_id=trace_id_of(failed.traceparent),
        first_seen=now,
        last_seen=now,
    )


def conflict(table: Table, collection: str, entry: Entry, stored: Mapping[str, Any], now: datetime) -> Conflict:
    """Both contents of one key, and where the second came from."""
    message, record = entry.delivery.message, plain(entry.item)
    return Conflict(
        collection=collection,
        key=table.key(record),
        stored=stored,
        incoming=table.to_document(record),
        source=message.source,
        position=message.position,
        seen_at=now,
    )
