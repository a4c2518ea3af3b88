"""Times as they are kept: aware, UTC, whole milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than anything that is kept: the open end of a range."""

_MILLISECOND = timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC time of an epoch in milliseconds; raises OverflowError beyond the year 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(time: datetime) -> int:
    """The epoch in milliseconds, rounded down; raises TypeError for a naive time."""
    return (time - EPOCH) // _MILLISECOND


def utc_now() -> datetime:
    """Now, in UTC, floored to the millisecond that stores keep."""
    return from_ms(to_ms(datetime.now(UTC)))
