"""One life as a member of a Kafka consumer group, from joining to leaving."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from consumer.errors import SourceRefused, SourceUnavailable
from consumer.sources.kafka_assignment import Assignment
from consumer.sources.kafka_backlog import Backlog
from consumer.sources.kafka_errors import Reasons, Trouble, explain
from consumer.sources.kafka_reader import ANSWER_SECONDS, Reader
from consumer.sources.kafka_rows import unpack_as_rows
from consumer.sources.kafka_stall import Silence, Stall
from consumer.telemetry import events

TEND_SECONDS = 0.5
TOPICS_SECONDS = 5.0
STATUS_SECONDS = 0.7
SILENCE_SECONDS = 60.0
DEAF_SECONDS = 6.0
QUIET_SECONDS = 1.0  # from then on a commit would only wait
LEAVE_SECONDS = 10.0
FAREWELL_SECONDS = 0.5
FAILED_FETCH_SECONDS = 0.3  # a few times aiokafka's retry_backoff_ms


class Member(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """A consumer in its group: joins, lets its reader read, commits what is settled, leaves.

    `run` owns the consumer and ends with an error only; the next member begins where this one committed.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topics: Collection[str],
        assignment: Assignment,
        backlog: Backlog,
        reader: Reader,
        trouble: Trouble,
        reasons: Reasons,
        before_revoke: Callable[[], Awaitable[None]],
    ) -> None:
        self.assignment = assignment
        self.reader = reader
        self.commit_wanted = False
        self.commit_refused = False
        self.ends: Mapping[TopicPartition, int] = {}
        self._alive = False
        self._stall = Stall()
        self._consumer = consumer
        self._topics = frozenset(topics)
        self._missing = self._topics  # until it is known which are there: to ask about another one would make it
        self._backlog = backlog
        self._trouble = trouble
        self._before_revoke = before_revoke
        self._reasons = reasons
        self._silence = Silence()
        self._deaf = False
        self._undecided_since = time.monotonic()
        self._tended = self._looked = 0.0
        self._committing = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None
        self._leave_by = 0.0

    async def run(self) -> None:
        """Join and read for ever; raises what ends this membership, and then it has to be left."""
        await self._consumer.start()
        unpack_as_rows(self._consumer)
        self._alive = True
        await self._subscribe()
        events.source_connected("kafka", ",".join(sorted(self._topics)))
        while True:
            await self.reader.turn(self.ends)
            if time.monotonic() - self._tended >= TEND_SECONDS:
                await self._tend()
                self._tended = time.monotonic()

    async def _subscribe(self) -> None:
        # only to topics that are there: asking for another one would make it, where the brokers allow that
        there = self._topics & await self._consumer.topics()
        self._missing = self._topics - there
        if not there:
            raise self._no_topic()
        self._consumer.subscribe(sorted(there), listener=self)

    async def _tend(self) -> None:
        self._expect_an_answer()
        for key in self.assignment.keys or ():
            await self._follow(key)
        await self._expect_messages()
        if self.commit_wanted and self._silence.seconds < QUIET_SECONDS:
            await self.commit()
        if self._missing and time.monotonic() - self._looked >= TOPICS_SECONDS:
            self._looked = time.monotonic()
            await self._look_for_topics()

    def _expect_an_answer(self) -> None:
        """A client whose brokers have all moved never finds them again: begin anew, with the bootstrap servers."""
        polled = [self._consumer.last_poll_timestamp(key) or 0 for key in self.assignment.keys or ()]
        silent = self._silence.look(max(polled) if polled and not self.reader.held else None)
        # while aiokafka complains, it connects again by itself; when it does not, it waits on connections that are dead
        self._deaf = silent > DEAF_SECONDS and self._reasons.age_seconds > DEAF_SECONDS
        if self._deaf or silent > SILENCE_SECONDS:
            raise SourceUnavailable(f"no broker answered for {silent:.0f} s")

    async def _expect_messages(self) -> None:
        """Brokers that answer and give nothing of what they have have lost us, or we them: begin anew."""
        if self._trouble.text(connected=True):
            self._stall.forget()
            return
        keys = () if self.reader.held else self.reader.reads
        positions = {key: position for key in keys if (position := await self._position(key)) is not None}
        self._stall.look(positions, self.ends)

    async def _follow(self, key: TopicPartition) -> None:
        """Know where an idle partition stands: its last record may be followed by markers of transactions."""
        partition = self.assignment.get(key)
        if partition is not None and not partition.idle:
            return
        position = await self._position(key)
        if position is None or self.assignment.keys is None:
            return
        if partition is None:
            self.assignment.begin(key, position)
        else:
            partition.position = max(partition.position, position)

    async def _position(self, key: TopicPartition) -> int | None:
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(0):  # it is known at once or not yet
                position: int = await self._consumer.position(key)
                return position
        return None

    async def _look_for_topics(self) -> None:
        self._trouble.note(self._no_topic())
        with suppress(KafkaError):
            if self._missing & await self._consumer.topics():
                raise SourceUnavailable("a topic that was missing is there now: joining again")

    def _no_topic(self) -> SourceRefused:
        names = ", ".join(sorted(self._missing))
        return SourceRefused(f"no topic {names} for this user", fix="make it, or correct KAFKA_TOPICS")

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """The group has decided: read and commit these."""
        self.commit_wanted = True  # where a new group begins is worth keeping: what is lost before it is read shows
        self.reader.assigned()
        self._stall.forget()
        self.assignment.decided(assigned)
        self._trouble.over()
        events.rebalanced("kafka", len(assigned), time.monotonic() - self._undecided_since)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group decides anew: bring to an end what can be, commit it, and let go of all partitions."""
        self._undecided_since = time.monotonic()
        try:
            if self._leaving is None:  # else what waits may be the next member's already
                self._backlog.drop()
                if revoked:
                    await self._before_revoke()
        finally:
            await self.commit()
            # from here to the next assignment nothing is committed: it would make the group decide once more
            self.reader.revoked()
            self.assignment.forget()

    async def commit(self) -> None:
        """Commit what is settled; what the brokers do not take is delivered again, to us or to another member."""
        async with self._committing:
            self.commit_wanted = False
            offsets = self.assignment.moved()
            if not offsets:
                return
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError):
                return  # not ours any more
            except (TimeoutError, KafkaError) as error:
                self.commit_wanted = True
                self._trouble.note(reason := explain(error))
                self.commit_refused = isinstance(reason, SourceRefused)
            else:
                self.commit_refused = False
                self.assignment.committed(offsets)
                self._trouble.answered()

    async def ask_for_the_ends(self) -> bool:
        """Learn how far each partition goes, and whether the brokers answer within a second."""
        asked = self.assignment.keys or [TopicPartition(topic, 0) for topic in self._topics - self._missing]
        try:
            async with asyncio.timeout(STATUS_SECONDS), self._asking:
                if not self._alive:
                    return False
                self.ends = await self._consumer.end_offsets(list(asked))
        except (TimeoutError, KafkaError):
            self._stall.forget()
            return False
        return True

    async def leave(self) -> None:
        """Commit, leave the group and let go of the sockets; what takes long goes on alone, whoever asks again."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())
            self._leave_by = time.monotonic() + (FAREWELL_SECONDS if self._deaf else LEAVE_SECONDS)
        await asyncio.wait({self._leaving}, timeout=max(0.0, self._leave_by - time.monotonic()))

    async def _leave(self) -> None:
        self._backlog.drop()
        await self.commit()
        self.assignment.forget()
        if not await self.ask_for_the_ends():
            # stopped in the pause after a failed fetch, aiokafka would forget its sockets
            self._consumer.pause(*self._consumer.assignment())
            await asyncio.sleep(FAILED_FETCH_SECONDS)
        async with self._asking:
            self._alive = False
            with suppress(KafkaError):
                await self._consumer.stop()
