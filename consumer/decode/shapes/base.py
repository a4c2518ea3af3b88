"""What all shapes have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from consumer.decode.origin import Origin
from consumer.errors import DecodeError
from storage import Record
from storage.packed import Item, Pack

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that every store can keep."""


class Shape(msgspec.Struct, gc=False):
    """A payload as it stands on the wire; `table` names the kind of its first record where it can be packed."""

    table: ClassVar[str] = ""

    def records(self, origin: Origin) -> tuple[Record, ...]:
        """The records that this payload says; raises DecodeError for values that cannot be kept exactly."""
        raise AssertionError("every shape says its own records")

    def items(self, pack: Pack | None, origin: Origin) -> tuple[Item, ...]:
        """The same, packed where the store has a pack for the shape's table."""
        if pack is None:
            return self.records(origin)
        try:
            return self.packed(pack, origin)
        except (ValueError, DecodeError):
            return self.records(origin)  # it says what is wrong, or that nothing is

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        """The records by the pack of the shape's table."""
        raise AssertionError("every shape with a table packs itself")
