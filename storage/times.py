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


def epoch_ms(epoch: int) -> int:
    """An epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by its size, as milliseconds.

    Raises ValueError for what is not after 1970. 64 bits end long before the year 9999.
    """
    if epoch <= 0:
        raise ValueError(f"{epoch} is no time of an event")
    if epoch >= 10**17:
        return epoch // 1_000_000
    if epoch >= 10**14:
        return epoch // 1_000
    return epoch if epoch >= 10**11 else epoch * 1_000
