"""What the simulator says before it is wrapped: a payload, and the facts that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from storage import Reason

Document = Mapping[str, Any]
"""Plain values: str, int, bool, Decimal, aware UTC datetime, levels as tuples of (price, quantity)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fact(NamedTuple):
    """One document that a payload must become, from the generator's own numbers.

    `version` is given for kinds whose newest version wins; `bus_time` says that the timestamp is the
    envelope's and no part of the content.
    """

    collection: str
    document: Document
    version: tuple[Any, ...] | None = None
    bus_time: bool = False


class Draft(msgspec.Struct, gc=False, kw_only=True):
    """One message before its envelope.

    `symbol` is the key on the bus; `time_ms` is when it is published, which a payload without a time of its
    own takes over (`timeless`). A `wrapped` payload needs the stream's name to be understood; a `bare` one never
    has an envelope. `rejected` lists what must become dead letters, one reason for each.
    """

    kind: str
    symbol: str
    stream: str
    payload: str
    time_ms: int
    facts: tuple[Fact, ...] = ()
    rejected: tuple[Reason, ...] = ()
    timeframe: str = ""
    timeless: bool = False
    wrapped: bool = False
    bare: bool = False


def at(milliseconds: int) -> datetime:
    """The time of an epoch in milliseconds."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def fixed(units: int, digits: int) -> str:
    """A number of `units` of the last digit as a plain decimal: fixed(1650, 2) is 16.50."""
    if units < 0:
        return "-" + fixed(-units, digits)
    if not digits:
        return str(units)
    text = f"{units:0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}"
