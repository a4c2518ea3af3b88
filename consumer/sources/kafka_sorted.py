"""Records that were fetched from Kafka and wait, sorted by their keys.

Producers key by symbol: what is handed out together goes to few collections, and makes large batches there. It is
packed, in a third of the memory that a message on its way takes, so that more may wait (decision 0040).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import msgspec

from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, bucket_of, size_of

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[int, bytes, tuple[tuple[str, bytes | None], ...], int | None, int]]).decode


class Piece(NamedTuple):
    """Messages that came together, packed; `size` is the bytes of their values."""

    packed: bytes
    messages: int
    size: int


@dataclass(slots=True, eq=False)
class Bundle:
    """Messages of one partition and one bucket of keys, in their order."""

    partition: Partition
    bucket: int
    pieces: deque[Piece] = field(default_factory=deque)

    @property
    def messages(self) -> int:
        return sum(piece.messages for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """What they take as they are packed."""
        return sum(len(piece.packed) for piece in self.pieces)

    def take(self, max_messages: int, max_bytes: int) -> list[Piece]:
        """Remove as many pieces as fit, but one at least."""
        taken = [self.pieces.popleft()]
        messages, size = max_messages - taken[0].messages, max_bytes - taken[0].size
        while self.pieces and self.pieces[0].messages <= messages and self.pieces[0].size <= size:
            taken.append(self.pieces.popleft())
            messages, size = messages - taken[-1].messages, size - taken[-1].size
        return taken


class Sorted:
    """Bundles, the one that was begun first in front. `bytes` are those that they take."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self._bundles: deque[Bundle] = deque()
        self._open: dict[tuple[Partition, int], Bundle] = {}

    def __len__(self) -> int:
        return len(self._bundles)

    def put(self, partition: Partition, rows: Sequence[Row]) -> None:
        """These follow what was fetched of the partition before."""
        for bucket, some in _by_bucket(rows).items():
            bundle = self._of(partition, bucket)
            bundle.pieces.append(piece := Piece(_pack(some), len(some), size_of(some)))
            self._count([piece], 1)

    def take(self, max_messages: int, max_bytes: int) -> tuple[Partition, list[Row], int]:
        """Remove of the first bundle what fits, but one piece at least: its partition, the messages, their bytes."""
        bundle = self._bundles[0]
        self._close(bundle)
        pieces = bundle.take(max_messages, max_bytes)
        self._count(pieces, -1)
        if not bundle.pieces:
            self._bundles.popleft()
        rows: list[Row] = list(chain.from_iterable(_unpack(piece.packed) for piece in pieces))
        return bundle.partition, rows, sum(piece.size for piece in pieces)

    def drop(self, partition: Partition | None = None) -> None:
        """Forget what waits of this partition, or everything."""
        kept = [bundle for bundle in self._bundles if partition is not None and bundle.partition is not partition]
        self._bundles = deque(kept)
        self._open = {place: bundle for place, bundle in self._open.items() if place[0] is not partition and kept}
        self.messages = sum(bundle.messages for bundle in kept)
        self.bytes = sum(bundle.bytes for bundle in kept)

    def _of(self, partition: Partition, bucket: int) -> Bundle:
        bundle = self._open.get((partition, bucket))
        if bundle is None:
            bundle = self._open[partition, bucket] = Bundle(partition, bucket)
            self._bundles.append(bundle)
        return bundle

    def _close(self, bundle: Bundle) -> None:
        """Let nothing follow in it: a key that never ends would keep the others waiting."""
        if self._open.get(place := (bundle.partition, bundle.bucket)) is bundle:
            del self._open[place]

    def _count(self, pieces: Sequence[Piece], sign: int) -> None:
        self.messages += sign * sum(piece.messages for piece in pieces)
        self.bytes += sign * sum(len(piece.packed) for piece in pieces)


def _by_bucket(rows: Sequence[Row]) -> Mapping[int, list[Row]]:
    buckets: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        buckets[bucket_of(row)].append(row)
    return buckets
