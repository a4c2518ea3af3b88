"""What one message says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from consumer.errors import DecodeError
from storage.packed import Item


class Failure(NamedTuple):
    """One element of a message that is no market data."""

    element: int
    error: DecodeError


class Decoded(msgspec.Struct, gc=False):
    """The records of a message, and the elements that failed.

    Neither records nor failures: a control frame or an empty list, to be ignored and counted. `elements` are the
    places of the records in a message that is a list; any other message is its own first element.
    """

    items: Sequence[Item] = ()
    traceparent: str | None = None
    elements: Sequence[int] | None = None
    failures: Sequence[Failure] = ()

    @property
    def records(self) -> list[tuple[int, Item]]:
        """Each record with its element."""
        elements = [0] * len(self.items) if self.elements is None else self.elements
        return list(zip(elements, self.items, strict=True))


class Usual(NamedTuple):
    """What usual messages say of one table and symbol: a record each, as columns.

    `places` are those of the messages among all, `bodies` what the store writes, `traceparents` the traces that are
    not in headers.
    """

    table: str
    symbol: str
    places: list[int]
    keys: list[str]
    bodies: list[Any]
    traceparents: list[str | None]
