"""What of a batch is still open: strands as long as nobody has to look at one record, entries from then on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, cast

from consumer.pipeline.entries import Entry, Strand
from storage.packed import Columns, Item, Packed


class Cargo:
    """The parts of a batch of which nothing became yet; whoever ends some takes them out of `parts`."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts: list[Any] = list(parts)  # those of the dead letters have failed, those of a collection have not

    @property
    def items(self) -> Sequence[Item]:
        """The records of all."""
        if any(isinstance(part, Entry) and not isinstance(part.item, Packed) for part in self.parts):
            return [entry.item for entry in self.entries]
        parts = tuple(self.parts)
        keys = list(chain.from_iterable([part.keys for part in parts]))
        bodies = list(chain.from_iterable([part.bodies for part in parts]))
        return Columns({part.symbol for part in parts}, keys, bodies, lambda: _packed(parts))

    @property
    def traceparents(self) -> Iterator[str | None]:
        """The traces of all."""
        return chain.from_iterable(part.traceparents for part in self.parts)

    @property
    def entries(self) -> list[Entry]:
        """The parts, each record for itself from now on."""
        self.parts[:] = _entries(self.parts)
        return self.parts


def _entries(parts: Sequence[Entry | Strand]) -> list[Entry]:
    return list(chain.from_iterable([part.entries for part in parts]))


def _packed(parts: Sequence[Entry | Strand]) -> list[Packed]:
    return cast(list[Packed], [entry.item for entry in _entries(parts)])
