"""The Kafka partitions that are ours for now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka import TopicPartition

from consumer.sources.kafka_partition import Partition


class Assignment:
    """The partitions that the group has given us; `keys` is None while that is being decided.

    What was given to us before is remembered over assignments, so that a redelivery is known as one.
    """

    def __init__(self, given: dict[TopicPartition, int]) -> None:
        self.keys: frozenset[TopicPartition] | None = None
        self._partitions: dict[TopicPartition, Partition] = {}
        self._given = given

    @property
    def unsettled(self) -> int:
        """The messages that were fetched and are not settled."""
        return sum(len(partition.watermark) for partition in self._partitions.values())

    def decided(self, keys: Collection[TopicPartition]) -> None:
        """These are ours from now on."""
        self.keys = frozenset(keys)

    def forget(self) -> None:
        """Nothing is ours any more; late settlements find nobody."""
        for key in list(self._partitions):
            self._end(key)
        self.keys = None

    def get(self, key: TopicPartition) -> Partition | None:
        """The partition as it is read now, None where nothing is known of it yet."""
        return self._partitions.get(key)

    def begin(self, key: TopicPartition, position: int) -> Partition:
        """The partition read from this offset on; what was fetched of it before is forgotten."""
        self._end(key)
        self._partitions[key] = Partition(key, position, self._given.get(key, 0))
        return self._partitions[key]

    def made_anew(self, key: TopicPartition) -> None:
        """The offsets of this partition start again: what was given before is no measure."""
        self._end(key)
        self._given.pop(key, None)

    def moved(self) -> dict[TopicPartition, int]:
        """The offsets that may be committed and are not."""
        return {key: it.low for key, it in self._partitions.items() if it.low > it.committed}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The broker has these now."""
        for key, offset in offsets.items():
            if partition := self._partitions.get(key):
                partition.committed = offset

    def lag(self, ends: Mapping[TopicPartition, int]) -> int | None:
        """The messages from the first unsettled one to the ends; None while the start is not known."""
        if self.keys is None or not self.keys <= self._partitions.keys() or not self.keys <= ends.keys():
            return None
        return sum(max(0, ends[key] - self._partitions[key].low) for key in self.keys)

    def behind(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """How many messages each partition has that were not fetched, of those of which that is known."""
        there = {key: partition for key, partition in self._partitions.items() if key in ends}
        return {key: ends[key] - partition.position for key, partition in there.items()}

    def _end(self, key: TopicPartition) -> None:
        if partition := self._partitions.pop(key, None):
            self._given[key] = max(self._given.get(key, 0), partition.given_until)
