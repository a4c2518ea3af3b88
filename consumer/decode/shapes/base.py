"""What all shapes have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, ClassVar

import msgspec

from consumer.decode.origin import Origin
from consumer.decode.values import symbol
from consumer.errors import DecodeError
from storage import Record
from storage.packed import Item, Pack, Packed

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that every store can keep."""


class Shape(msgspec.Struct, gc=False):
    """A payload as it stands on the wire; `table` names the kind of its first record where it can be packed.

    `fields` are the names on the wire of the columns of that table, in their order, where that record is all it says.
    """

    table: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()

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
        name, *columns = _values(type(self))(self)
        return (Packed(*pack(symbol(name), *columns), self.table),)


@lru_cache
def _values(shape: type[Shape]) -> Callable[[Shape], tuple[Any, ...]]:
    return attrgetter(*shape.fields)
