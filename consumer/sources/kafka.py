"""Apache Kafka: a member of a consumer group."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from config.bus import KafkaSettings
from consumer.errors import SourceRefused, SourceUnavailable
from consumer.messages import Delivery, Settlement
from consumer.runs import Runs
from consumer.sources import kafka_risks
from consumer.sources.base import LostRange, Source, SourceStatus
from consumer.sources.kafka_assignment import Assignment
from consumer.sources.kafka_backlog import Backlog, Bounds
from consumer.sources.kafka_errors import Reasons, Trouble, explain
from consumer.sources.kafka_member import Member
from consumer.sources.kafka_partition import Partition, PartitionChannel
from consumer.sources.kafka_reader import Reader
from consumer.sources.kafka_tls import ssl_context
from consumer.sources.kafka_turns import Turns
from consumer.tasks import end
from consumer.telemetry import events

RECEIVE_SECONDS = 1.0
SHORTEST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONG_LIFE_SECONDS = 30.0
REVOKE_MARGIN_SECONDS = 15.0  # two commits that wait for an answer, and the joining
MIB = 1024 * 1024
LOW_SORTED = 0.95
"""What waits sorted stays near its bound: the more, the larger its bundles."""
LEAVES_WHILE_SORTING = 0.25


class KafkaSource(Source):
    """Reads topics as one member of a group; the members share the partitions.

    A partition is committed up to its first message that is not settled, shortly after `flush`, when the
    partition is taken away, and at the end. A message that was settled LATER comes again together with all
    that follow it on its partition, which may be to another member. `lost_ranges` says what retention
    took away before it was read; the partition then goes on at the earliest message there is.
    """

    name: ClassVar[str] = "kafka"

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        prefetch_messages: int,
        prefetch_bytes: int,
        sorted_messages: int = 50_000,
        sorted_bytes: int = 8 * MIB,
        session_seconds: float = 10.0,
        max_poll_seconds: float = 300.0,
    ) -> None:
        self.destination = ",".join(settings.topics)
        self.lost_ranges: list[LostRange] = []
        self._settings = settings
        self._prefetch_bytes = prefetch_bytes
        self._session_seconds = session_seconds
        self._max_poll_seconds = max_poll_seconds
        prefetched = Bounds(prefetch_messages, prefetch_bytes)
        self._backlog = Backlog(prefetched, Bounds(sorted_messages, sorted_bytes, low=LOW_SORTED))
        self._turns = Turns()
        self._trouble = Trouble()
        self._reasons = Reasons()
        self._given: dict[TopicPartition, int] = {}
        self._redelivered = 0
        self._risks_known = False
        self._member: Member | None = None
        self._living: asyncio.Task[None] | None = None

    @property
    def leaves(self) -> float:
        return LEAVES_WHILE_SORTING if self.scattered or self._backlog.holds_sorted else 1.0

    async def open(self) -> None:
        self._trouble.note(SourceUnavailable(f"connecting to {self._settings.bootstrap_servers}"))
        self._living = asyncio.create_task(self._live())

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        self._trouble.raise_refusal()
        self._backlog.sorts = self.scattered
        await self._backlog.arrival(RECEIVE_SECONDS)
        taken = self._backlog.take(max_messages, max_bytes)
        self.scattered = self.scattered and bool(self._backlog)
        runs = [PartitionChannel(each.partition, self).run(each.rows) for each in taken]
        self._redelivered += sum(run.redelivered for run in runs)
        return Runs(runs)

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        by_partition: dict[int, list[Delivery]] = {}
        for delivery in deliveries:
            by_partition.setdefault(id(delivery.token), []).append(delivery)
        for settled in by_partition.values():
            offsets = [delivery.message.offset for delivery in settled]
            self.settled_in(settled[0].token, offsets, settled[0].settlement or Settlement.LATER)

    def settled_in(self, partition: Partition, offsets: Sequence[int], settlement: Settlement) -> None:
        if settlement is not Settlement.LATER:
            partition.watermark.settle(*offsets)
        elif self._member is not None:
            self._member.reader.give_again(partition)

    async def flush(self) -> None:
        """The commit follows within a second, in a stride with others."""
        if self._member is not None:
            self._member.commit_wanted = True

    async def status(self) -> SourceStatus:
        member = self._member
        connected = member is not None and await member.ask_for_the_ends()
        keys = member.assignment.keys if member is not None else None
        return SourceStatus(
            connected=connected,
            subscribed=keys is not None and not (member is not None and member.commit_refused),
            lag=member.assignment.lag(member.ends) if member is not None else None,
            redelivered=self._redelivered,
            problem=self._problem(connected),
            details={
                "partitions": None if keys is None else len(keys),
                "unsettled": member.assignment.unsettled if member is not None else 0,
                "lost_offsets": sum(lost.until - lost.first for lost in self.lost_ranges),
            },
        )

    async def close(self) -> None:
        living, self._living = self._living, None
        if living is None:
            return
        await end(living)
        if self._member is not None:
            await self._member.leave()

    async def _live(self) -> None:
        """One membership after the other, for ever."""
        pause = SHORTEST_PAUSE_SECONDS
        while True:
            begun = time.monotonic()
            await self._be_a_member()
            lasted = time.monotonic() - begun
            # a member that comes and goes makes its whole group stop each time
            pause = SHORTEST_PAUSE_SECONDS if lasted > LONG_LIFE_SECONDS else min(LONGEST_PAUSE_SECONDS, pause * 2)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311  # not a secret

    async def _be_a_member(self) -> None:
        member: Member | None = None
        self._reasons = Reasons()
        with self._reasons:
            try:
                await self._know_the_risks()
                self._member = member = self._new_member()
                await member.run()
            except Exception as error:  # whatever ended this membership, the next one may do better
                reason = explain(error, self._reasons.latest)
                self._trouble.note(reason)
                if not isinstance(reason, SourceRefused):  # that is raised, and told by whoever receives
                    events.source_lost(self.name, str(reason))
            finally:
                if member is not None:
                    await member.leave()

    async def _know_the_risks(self) -> None:
        """Before we are subscribed, and until they are known: a member that comes back does not wait for it."""
        if not self._risks_known:
            risks = await kafka_risks.ask(self._settings.topics, **self._connection())
            self._risks_known, self.risks = risks is not None, risks or ()

    def _new_member(self) -> Member:
        consumer = AIOKafkaConsumer(**self._connection(), **self._options())
        assignment = Assignment(self._given)
        reader = Reader(consumer, assignment, self._backlog, self._trouble, self.lost_ranges, self._turns)
        return Member(
            consumer,
            self._settings.topics,
            assignment,
            self._backlog,
            reader,
            self._trouble,
            self._reasons,
            self._settle_in_time,
        )

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        at_once = max(MIB, min(self._prefetch_bytes, 4 * MIB))  # on a slow link more would look like silence
        rebalance_seconds = settings.revoke_seconds + REVOKE_MARGIN_SECONDS
        return {
            "group_id": settings.group_id,
            "group_instance_id": settings.group_instance_id,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",  # so that a loss is told, not skipped
            "isolation_level": "read_committed",
            "fetch_max_wait_ms": 50,  # whatever is asked of a broker meanwhile waits, other partitions' fetches too
            "fetch_max_bytes": at_once,
            "max_partition_fetch_bytes": MIB,
            "session_timeout_ms": int(self._session_seconds * 1000),
            "heartbeat_interval_ms": int(self._session_seconds * 300),
            "max_poll_interval_ms": int(self._max_poll_seconds * 1000),
            "rebalance_timeout_ms": int(rebalance_seconds * 1000),
            "request_timeout_ms": int((rebalance_seconds + 5) * 1000),  # joining waits for the slowest member
            "metadata_max_age_ms": 30_000,
        }

    def _connection(self) -> dict[str, Any]:
        settings = self._settings
        secret = settings.sasl_password
        return {
            "bootstrap_servers": settings.bootstrap_servers,
            "client_id": "tapestore",
            "security_protocol": settings.security_protocol,
            "ssl_context": ssl_context(settings),
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": secret.get_secret_value() if secret is not None else None,
        }

    async def _settle_in_time(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.revoke_seconds):
                await self.before_revoke()

    def _problem(self, connected: bool) -> str:
        if trouble := self._trouble.text(connected):
            return trouble
        if not connected:
            return f"no answer: {explain(KafkaConnectionError(self._settings.bootstrap_servers), self._reasons.latest)}"
        if not self.lost_ranges:
            return ""
        last = self.lost_ranges[-1]
        return f"offsets {last.first} to {last.until - 1} of {last.partition} were out of retention"
