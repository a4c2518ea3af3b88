"""The state of one Kafka partition while it is ours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition

from consumer.messages import Delivery, Message, RawHeaders, Settlement, Settler
from consumer.runs import Run
from consumer.sources.kafka_rows import Row, offset_of, value_of
from consumer.sources.watermark import Watermark


class Partition:
    """One partition from one place on: what was fetched of it, and how far that is settled.

    Read again from an earlier place, or taken away and assigned anew, it is another Partition, and
    settlements of the old one change nothing. `position` is where the next fetch begins; what lies before
    `given_before` was given in an earlier life.
    """

    __slots__ = ("committed", "given_before", "given_until", "key", "name", "position", "watermark")

    def __init__(self, key: TopicPartition, position: int, given_before: int = 0) -> None:
        self.key = key
        self.name = f"{key.topic}/{key.partition}"
        self.position = position
        self.committed = -1
        self.given_before = given_before
        self.given_until = given_before
        self.watermark = Watermark()

    @property
    def idle(self) -> bool:
        """Whether everything that was fetched is settled."""
        return self.watermark.first is None

    @property
    def low(self) -> int:
        """The first offset that is not settled; whatever lies before it is, or never existed."""
        first = self.watermark.first
        return self.position if first is None else first

    def fetched(self, rows: Sequence[Row]) -> None:
        """These follow what was fetched before."""
        self.watermark.extend(map(offset_of, rows))
        self.position = offset_of(rows[-1]) + 1

    def given_again(self, rows: Sequence[Row]) -> int:
        """How many of these, from the first on, were given in an earlier life."""
        if offset_of(rows[0]) >= self.given_before:
            return 0
        return bisect_left(rows, self.given_before, key=offset_of)

    def give(self, rows: Sequence[Row]) -> None:
        """These are handed on."""
        self.given_until = max(self.given_until, offset_of(rows[-1]) + 1)


class PartitionSettler(Settler, Protocol):
    """The source of partitions."""

    def settled_in(self, partition: Partition, offsets: Sequence[int], settlement: Settlement) -> None:
        """Note the fate of messages of a partition."""
        ...


class PartitionChannel(NamedTuple):
    """A partition as the pipeline sees it; the rows are what is needed of the records of aiokafka."""

    of: Partition
    settler: PartitionSettler

    @property
    def source(self) -> str:
        return "kafka"

    @property
    def partition(self) -> str:
        return self.of.name

    def run(self, rows: Sequence[Row]) -> Run:
        """Records that follow each other, as they are handed on."""
        self.of.give(rows)
        return Run(self, rows, list(map(value_of, rows)), self.of.given_again(rows))

    def offset(self, row: Row) -> int:
        return row[0]

    def headers(self, row: Row) -> RawHeaders | None:
        return row[2]

    def deliveries(self, rows: Sequence[Row]) -> list[Delivery]:
        name, topic, before = self.of.name, self.of.key.topic, self.of.given_before
        return [
            Delivery(
                Message(
                    *(value, "kafka", name, offset, topic, headers),
                    time_ms=None if time_ms is None or time_ms < 0 else time_ms,
                    deliveries=2 if offset < before else 1,  # Kafka does not count: the second time at least
                ),
                self.settler,
                self.of,
            )
            for offset, value, headers, time_ms, _ in rows
        ]

    def settle(self, rows: Sequence[Row], settlement: Settlement) -> None:
        self.settler.settled_in(self.of, list(map(offset_of, rows)), settlement)
