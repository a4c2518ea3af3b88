"""What all shapes have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

from consumer.decode.origin import Origin
from storage import Record

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that every store can keep."""


class Shape(msgspec.Struct, gc=False):
    """A payload as it stands on the wire."""

    def records(self, origin: Origin) -> tuple[Record, ...]:
        """The records that this payload says; raises DecodeError for values that cannot be kept exactly."""
        raise AssertionError("every shape says its own records")
