"""The durable consumer on the JetStream server: found, made when it is missing, and looked at.

Requests and answers as nats-server documents them (schemas io.nats.jetstream.api.v1.consumer_*); only the
fields that matter here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import msgspec
from nats import errors
from nats.aio.client import Client

from consumer.errors import SourceRefused, SourceUnavailable

REQUEST_SECONDS = 2.0
SAME_MOMENT = timedelta(seconds=2)
_TEMPORARY = 500  # codes from here on: no leader, no resources, not enabled (yet)


class _Code(IntEnum):
    """Error codes of the JetStream API (server/errors.json of nats-server)."""

    STREAM_NOT_FOUND = 10059
    CONSUMER_NOT_FOUND = 10014


class ConsumerConfig(msgspec.Struct, frozen=True):
    """What a consumer is; durations in nanoseconds, 0 where the server sets no limit."""

    durable_name: str = ""
    deliver_policy: str = "all"
    ack_policy: str = "none"
    ack_wait: int = 30_000_000_000
    max_deliver: int = -1
    max_ack_pending: int = 1000
    replay_policy: str = "instant"
    filter_subject: str = ""
    deliver_subject: str = ""
    headers_only: bool = False
    max_batch: int = 0
    max_expires: int = 0
    max_bytes: int = 0


class Delivered(msgspec.Struct, frozen=True):
    """How far a consumer is: `consumer_seq` counts its deliveries."""

    consumer_seq: int = 0


class ConsumerInfo(msgspec.Struct, frozen=True):
    """How a consumer stands."""

    created: datetime
    config: ConsumerConfig
    delivered: Delivered = Delivered()
    num_pending: int = 0
    num_ack_pending: int = 0
    paused: bool = False

    @property
    def lag(self) -> int:
        """Messages that were not given, or given and not settled."""
        return self.num_pending + self.num_ack_pending

    def continues(self, before: ConsumerInfo, seen: int) -> bool:
        """Whether this is the consumer of before, of which `seen` deliveries were seen, or another of its name.

        A server of 2.9 remembers another `created` after a restart, later by what the disk took.
        """
        return abs(self.created - before.created) < SAME_MOMENT and self.delivered.consumer_seq >= seen

    @property
    def owes_messages(self) -> bool:
        """Whether it has messages and no reason to keep them from whoever asks."""
        limit = self.config.max_ack_pending
        held_up = self.paused or 0 < limit <= self.num_ack_pending or self.config.replay_policy != "instant"
        return self.num_pending > 0 and not held_up


class StreamConfig(msgspec.Struct, frozen=True):
    """How a stream keeps its messages."""

    storage: str = "file"
    num_replicas: int = 1

    def risks(self, name: str) -> list[str]:
        """How it may lose what it has taken."""
        found = []
        if self.storage == "memory":
            found.append(f"stream {name} is kept in memory: a restart of the server loses it; keep it in files")
        if self.num_replicas < 2:
            found.append(f"stream {name} has one replica: a disk that fails loses it; give it three")
        return found


class _StreamInfo(msgspec.Struct, frozen=True):
    config: StreamConfig


class _Problem(msgspec.Struct):
    code: int
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Problem | None = None


class NotFound(SourceUnavailable):
    """The server knows no consumer of that name."""


@dataclass(frozen=True, slots=True)
class DurableConsumer:
    """A stream's durable consumer, by name."""

    stream: str
    name: str

    @property
    def next_subject(self) -> str:
        """Where messages are asked for."""
        return f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.name}"

    async def info(self, client: Client, seconds: float = REQUEST_SECONDS) -> ConsumerInfo:
        """How it stands now; raises NotFound, SourceUnavailable or SourceRefused."""
        return await self._request(client, f"$JS.API.CONSUMER.INFO.{self.stream}.{self.name}", b"", seconds)

    async def risks(self, client: Client) -> list[str]:
        """How the stream may lose what it has taken; none when the server does not say."""
        try:
            answer = await client.request(f"$JS.API.STREAM.INFO.{self.stream}", b"", timeout=REQUEST_SECONDS)
            return msgspec.json.decode(answer.data, type=_StreamInfo).config.risks(self.stream)
        except (errors.Error, msgspec.MsgspecError):
            return []

    async def bind(self, client: Client, wanted: ConsumerConfig) -> ConsumerInfo:
        """Find it or make it as wanted; one that is there is used as it is.

        Raises SourceRefused when it cannot keep our promises: without explicit acks, with a limit on
        deliveries, without bodies, or pushing.
        """
        try:
            info = await self.info(client)
        except NotFound:
            info = await self._make(client, wanted)
        self._check(info.config)
        return info

    async def _make(self, client: Client, wanted: ConsumerConfig) -> ConsumerInfo:
        request = {"stream_name": self.stream, "config": wanted, "action": "create"}
        subject = f"$JS.API.CONSUMER.DURABLE.CREATE.{self.stream}.{self.name}"
        return await self._request(client, subject, msgspec.json.encode(request), REQUEST_SECONDS)

    async def _request(self, client: Client, subject: str, payload: bytes, seconds: float) -> ConsumerInfo:
        try:
            answer = (await client.request(subject, payload, timeout=seconds)).data
        except errors.NoRespondersError as error:
            raise SourceUnavailable("JetStream does not answer: is it enabled on the server?") from error
        except errors.TimeoutError as error:
            raise SourceUnavailable("JetStream did not answer in time") from error
        if (problem := msgspec.json.decode(answer, type=_Answer).error) is not None:
            raise self._error(problem)
        return msgspec.json.decode(answer, type=ConsumerInfo)

    def _error(self, problem: _Problem) -> SourceUnavailable | SourceRefused:
        match problem.err_code:
            case _Code.STREAM_NOT_FOUND:
                return SourceUnavailable(f"there is no stream {self.stream}: create it, or set NATS_STREAM")
            case _Code.CONSUMER_NOT_FOUND:
                return NotFound(f"stream {self.stream} has no consumer {self.name}")
        if problem.code >= _TEMPORARY:
            return SourceUnavailable(problem.description)
        return SourceRefused(
            problem.description, fix="set NATS_STREAM, NATS_SUBJECT and NATS_DURABLE to fit the stream"
        )

    def _check(self, config: ConsumerConfig) -> None:
        faults = {
            f"its ack policy is {config.ack_policy}, not explicit": config.ack_policy != "explicit",
            f"it gives a message up after {config.max_deliver} deliveries": config.max_deliver > 0,
            "it pushes instead of being pulled": bool(config.deliver_subject),
            "it delivers headers only": config.headers_only,
        }
        if found := [fault for fault, present in faults.items() if present]:
            raise SourceRefused(
                f"consumer {self.name} of stream {self.stream} would lose messages: {', '.join(found)}",
                fix=f"nats consumer rm {self.stream} {self.name}, or set NATS_DURABLE to another name",
            )
