"""Records that were fetched from Kafka and wait, sorted by their keys.

Producers key by symbol: what is handed out together goes to few collections, and makes large batches there. It is
packed, in a sixth of the memory that a message on its way takes, so that more may wait (decision 0040).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

import msgspec
from cramjam import lz4

from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, bucket_of, size_of

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, tuple[tuple[str, bytes | None], ...], int | None, int]]).decode

PIECE_BYTES, BUNDLE_BYTES = 130, 400
"""What Python takes for each, besides what is packed."""
PIECE_SIZE = 256 * 1024
"""Of values, at most, where it is of more than one message."""


class Piece(NamedTuple):
    """Messages that came together, packed and compressed; `size` is the bytes of their values."""

    packed: bytes
    messages: int
    size: int


@dataclass(slots=True, eq=False)
class Bundle:
    """Messages of one partition and one bucket of keys, in their order."""

    partition: Partition
    bucket: int
    pieces: list[Piece] = field(default_factory=list)

    def take(self, max_messages: int, max_bytes: int) -> list[Piece]:
        """Remove as many pieces as fit, but one at least."""
        count = 0
        for piece in self.pieces:
            max_messages, max_bytes = max_messages - piece.messages, max_bytes - piece.size
            if count and (max_messages < 0 or max_bytes < 0):
                break
            count += 1
        taken, self.pieces = self.pieces[:count], self.pieces[count:]
        return taken


class Sorted:
    """Bundles, the one that was begun first in front; one that began to leave is closed. `bytes` are what all take."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self._bundles: deque[Bundle] = deque()  # some of them empty, of partitions that were dropped
        self._open: defaultdict[Partition, dict[int, Bundle]] = defaultdict(dict)

    def __bool__(self) -> bool:
        return self.messages > 0

    def put(self, partition: Partition, rows: Sequence[Row]) -> None:
        """These follow what was fetched of the partition before."""
        for bucket, some in _by_bucket(rows).items():
            pieces = _pieces(some)
            self._of(partition, bucket).pieces += pieces
            self._count(pieces, 1)

    def take(self, max_messages: int, max_bytes: int) -> tuple[Partition, list[Row], int]:
        """Remove of the first bundle what fits, but one piece at least: its partition, the messages, their bytes."""
        while not self._bundles[0].pieces:
            self._bundles.popleft()
        bundle = self._bundles[0]
        self._close(bundle)
        pieces = bundle.take(max_messages, max_bytes)
        self._count(pieces, -1)
        if not bundle.pieces:
            self._bundles.popleft()
            self.bytes -= BUNDLE_BYTES
        rows: list[Row] = list(chain.from_iterable(_unpacked(piece.packed) for piece in pieces))
        return bundle.partition, rows, sum(piece.size for piece in pieces)

    def drop(self, partition: Partition) -> None:
        """Forget what waits of this partition."""
        first = [bundle for bundle in islice(self._bundles, 1) if bundle.partition is partition and bundle.pieces]
        for bundle in {*first, *self._open.pop(partition, {}).values()}:
            self._count(bundle.pieces, -1)
            self.bytes -= BUNDLE_BYTES
            bundle.pieces = []
        if not self:
            self._bundles.clear()

    def _of(self, partition: Partition, bucket: int) -> Bundle:
        bundle = self._open[partition].get(bucket)
        if bundle is None:
            bundle = self._open[partition][bucket] = Bundle(partition, bucket)
            self._bundles.append(bundle)
            self.bytes += BUNDLE_BYTES
        return bundle

    def _close(self, bundle: Bundle) -> None:
        """Let nothing follow in it: a key that never ends would keep the others waiting."""
        buckets = self._open.get(bundle.partition, {})
        if buckets.get(bundle.bucket) is bundle:
            del buckets[bundle.bucket]
            if not buckets:
                del self._open[bundle.partition]

    def _count(self, pieces: Sequence[Piece], sign: int) -> None:
        self.messages += sign * sum(piece.messages for piece in pieces)
        self.bytes += sign * sum(len(piece.packed) + PIECE_BYTES for piece in pieces)


def _by_bucket(rows: Sequence[Row]) -> Mapping[int, list[Row]]:
    buckets: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        buckets[bucket_of(row)].append(row)
    return buckets


def _pieces(rows: Sequence[Row]) -> list[Piece]:
    """One, or more where it would be too large: a piece leaves as a whole, however little may leave."""
    size, half = size_of(rows), len(rows) // 2
    if size <= PIECE_SIZE or not half:
        return [Piece(_packed(rows), len(rows), size)]
    return _pieces(rows[:half]) + _pieces(rows[half:])


def _packed(rows: Sequence[Row]) -> bytes:
    return bytes(lz4.compress_block(_encode(rows)))


def _unpacked(packed: bytes) -> Sequence[Row]:
    return _decode(lz4.decompress_block(packed))
