"""Reads the Kafka partitions that are ours into the backlog."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from consumer.sources.base import LostRange
from consumer.sources.kafka_assignment import Assignment
from consumer.sources.kafka_backlog import Backlog
from consumer.sources.kafka_errors import Trouble, explain
from consumer.sources.kafka_partition import Partition
from consumer.sources.kafka_rows import Row, offset_of, rows_of, size_of
from consumer.sources.kafka_turns import Turns
from consumer.telemetry import events

POLL_RECORDS = 1000  # between two polls the loop belongs to the others
SORTED_POLL_RECORDS, SORTED_POLL_BYTES = 4000, 1024 * 1024
"""While what waits is sorted: the more small ones come together, the less each takes, in memory and in time."""
POLL_SECONDS = 0.2
GIVE_AGAIN_SECONDS = 0.5
REFUSED_SECONDS = 1.0
ANSWER_SECONDS = 5.0

NOWHERE = TopicPartition("", -1)

Fetched: TypeAlias = Mapping[TopicPartition, Sequence[Row] | Sequence[ConsumerRecord]]


class Reader:
    """Fetches, and decides from where.

    It polls for ever, so that the group keeps this member however long the store is down: while the backlog
    is full it polls for nothing.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        assignment: Assignment,
        backlog: Backlog,
        trouble: Trouble,
        lost_ranges: list[LostRange],
        turns: Turns,
    ) -> None:
        self.held = False
        self._consumer = consumer
        self._assignment = assignment
        self._backlog = backlog
        self._trouble = trouble
        self._lost_ranges = lost_ranges
        self._turns = turns
        self._returned: dict[TopicPartition, float] = {}
        self._sorted_poll = POLL_RECORDS

    async def turn(self, ends: Mapping[TopicPartition, int]) -> None:
        """Poll once; `ends` is how far each partition goes, as last heard."""
        self._read_again()
        if self._backlog.full or (self.held and not self._backlog.has_room):
            await self._hold()
        else:
            await self._fetch(ends)

    def give_again(self, partition: Partition) -> None:
        """Soon deliver again whatever follows the first offset that is not settled then."""
        key = partition.key
        if self._assignment.get(key) is partition and key not in self._returned:
            self._returned[key] = time.monotonic() + GIVE_AGAIN_SECONDS
            self._backlog.drop(partition)
            self._consumer.pause(key)

    def assigned(self) -> None:
        """A new assignment begins with nothing paused."""
        self.held = False

    def revoked(self) -> None:
        """What was given back will be read by whoever comes next."""
        self._returned.clear()

    @property
    def reads(self) -> Collection[TopicPartition]:
        """The partitions that should give something now, if they have it."""
        return (self._assignment.keys or frozenset()).difference(self._turns.waiting)

    async def _fetch(self, ends: Mapping[TopicPartition, int]) -> None:
        if self.held:
            self.held = False
            self._consumer.resume(*(self._consumer.paused() - self._returned.keys()))
        self._turns.look(self._behind(ends))
        some = self.reads if self._turns.waiting else ()
        at_most = self._sorted_poll if self._backlog.sorts else POLL_RECORDS
        fetched = await self._poll(*some, timeout_ms=int(POLL_SECONDS * 1000), max_records=at_most)
        self._turns.gave(fetched.keys())
        for key, records in fetched.items():
            if key not in self._returned:
                rows = rows_of(records)
                partition = self._assignment.get(key) or self._assignment.begin(key, offset_of(rows[0]))
                partition.fetched(rows)
                self._backlog.put(partition, rows)
                if self._backlog.sorts:
                    self._sorted_poll = _as_many_as(rows)
        await asyncio.sleep(0)

    def _behind(self, ends: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """How far the partitions are behind that take turns: all that can be read, while turns make larger bundles."""
        if not self._backlog.sorts:
            return {}
        behind = self._assignment.behind(ends)
        return {key: messages for key, messages in behind.items() if key not in self._returned}

    async def _hold(self) -> None:
        # a poll for paused partitions would throw away what aiokafka has fetched of them already
        if not self.held and self._assignment.keys is not None:
            self.held = True
            self._consumer.pause(*self._assignment.keys)
        await self._poll(NOWHERE)
        await self._backlog.room(POLL_SECONDS)

    async def _poll(self, *partitions: TopicPartition, **bounds: int) -> Fetched:
        try:
            fetched: Fetched = await self._consumer.getmany(*partitions, **bounds)
            return fetched
        except NoOffsetForPartitionError as error:
            await self._start_at_the_earliest(error.args[0])
        except OffsetOutOfRangeError as error:
            for key, position in error.args[0].items():
                await self._skip_the_lost(key, position)
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            self._trouble.note(explain(error))
            await asyncio.sleep(REFUSED_SECONDS)
        return {}

    def _read_again(self) -> None:
        for key in [key for key, due in self._returned.items() if due <= time.monotonic()]:
            del self._returned[key]
            if partition := self._assignment.get(key):
                self._read_from(key, partition.low)
                if not self.held:
                    self._consumer.resume(key)

    async def _start_at_the_earliest(self, key: TopicPartition) -> None:
        if (earliest := await self._earliest(key)) is not None:
            self._read_from(key, earliest)

    async def _skip_the_lost(self, key: TopicPartition, position: int) -> None:
        if (earliest := await self._earliest(key)) is None:
            return
        if earliest > position:
            events.offsets_lost("kafka", f"{key.topic}/{key.partition}", position, earliest)
            self._lost_ranges.append(LostRange(f"{key.topic}/{key.partition}", position, earliest))
        else:
            self._assignment.made_anew(key)  # we were beyond the end: this is another log
        self._read_from(key, earliest)

    async def _earliest(self, key: TopicPartition) -> int | None:
        """The first offset that there is; None when nobody answers or it is not ours: then the question comes again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                earliest: int = (await self._consumer.beginning_offsets([key]))[key]
                return earliest if key in (self._assignment.keys or ()) else None
        return None

    def _read_from(self, key: TopicPartition, offset: int) -> None:
        if partition := self._assignment.get(key):
            self._backlog.drop(partition)
        with suppress(IllegalStateError):  # taken away meanwhile
            self._consumer.seek(key, offset)
            self._assignment.begin(key, offset)


def _as_many_as(rows: Sequence[Row]) -> int:
    """How many messages of the size of these a poll takes while what waits is sorted."""
    mean = max(1, size_of(rows) // len(rows))
    return max(POLL_RECORDS, min(SORTED_POLL_RECORDS, SORTED_POLL_BYTES // mean))
