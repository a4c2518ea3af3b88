"""Keeps a request for messages standing at the JetStream server, and notices when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nats.aio.client import Client
from nats.aio.msg import Msg

from consumer.errors import SourceUnavailable
from consumer.sources.buffer import Buffer
from consumer.sources.jetstream_consumer import ConsumerInfo, DurableConsumer
from consumer.sources.jetstream_pull import Pull, Verdict, status_text, verdict
from consumer.sources.nats_message import NatsMessage, Pulled
from consumer.sources.nats_parser import PullParser
from consumer.tasks import occurs

TICK_SECONDS = 0.5
SILENT_SECONDS = 2.5  # two heartbeats were missed, and some
TICKS_OF_ACK_WAIT = 12  # whoever renews messages every third of it must not be late by much
EXPIRES_NS = 10_000_000_000
HEARTBEAT_NS = 1_000_000_000
PROOF_SECONDS = 2


class Inlet(asyncio.Queue[Msg]):
    """Hands on what nats-py puts into it, which is what `PullParser` leaves to it; nothing ever waits in it."""

    def __init__(self, hand_on: Callable[[Sequence[Any]], None]) -> None:
        super().__init__()
        self._hand_on = hand_on

    def put_nowait(self, message: Msg) -> None:
        self._hand_on([message])


class StandingPull:
    """Half of the prefetch is asked for at a time, and again when that is over and there is room for a half.

    So what waits in the buffer and what was asked for never exceed the prefetch together, but for one
    message that alone is larger than half of its bytes. Time is counted in ticks of our own: while this
    process stands still, nothing seems to be silent.
    """

    idle_seconds: ClassVar[float] = 4.0  # without a message; then we ask whether one is due

    def __init__(
        self,
        client: Client,
        consumer: DurableConsumer,
        info: ConsumerInfo,
        *,
        prefetch_messages: int,
        prefetch_bytes: int,
        buffer: Buffer[NatsMessage],
        given: Callable[[Sequence[str]], object],
        turn: asyncio.Event,
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._created = info.created
        self._prefetch_messages = prefetch_messages
        self._prefetch_bytes = prefetch_bytes
        self._batch = _least(max(1, prefetch_messages // 2), info.config.max_batch)
        self._max_bytes = _least(max(1, prefetch_bytes // 2), info.config.max_bytes)
        self._expires = _least(EXPIRES_NS, info.config.max_expires)
        self._buffer = buffer
        self._given = given
        self._turn = turn
        self._inbox = client.new_inbox()
        self._handful: list[Pulled] = []
        self._asked = 0
        self._pull = Pull("", 0)
        self._alone = False  # the next message is larger than what we ask for: ask for it alone
        self._lost = ""
        self._tick_seconds = min(TICK_SECONDS, info.config.ack_wait / TICKS_OF_ACK_WAIT / 1e9)
        self._silent = self._idle = 0.0
        self._stuck = 0

    @property
    def asked(self) -> int:
        """How many messages may still come without asking."""
        return max(0, self._pull.left)

    @property
    def wants_more(self) -> bool:
        """Whether it is time to ask again."""
        if not self._pull.over:
            return False
        room = (
            len(self._buffer) + self._batch <= self._prefetch_messages
            and self._buffer.bytes + self._max_bytes <= self._prefetch_bytes
        )
        return len(self._buffer) == 0 or (room and not self._alone)

    async def subscribe(self) -> None:
        """Take in what comes from now on; once only."""
        # no limits of the driver's own: beyond them it drops messages, which then wait for ack_wait
        self.subscription = await self._client.subscribe(
            f"{self._inbox}.*", pending_msgs_limit=0, pending_bytes_limit=0
        )
        # nothing can have come: nothing was asked for yet
        self.subscription._pending_queue = Inlet(self._arrived)
        parser = self._client._ps
        if isinstance(parser, PullParser):
            parser.lead(self.subscription._id, self._arrived)

    async def step(self) -> None:
        """Ask if it is time, and wait until there is something to do, but not long.

        Raises SourceUnavailable when nothing will come any more, and what nats-py raises.
        """
        if self._lost:
            raise SourceUnavailable(self._lost)
        if self.wants_more:
            await self._ask()
        await occurs(self._turn, self._tick_seconds)
        if self._turn.is_set():
            self._turn.clear()
        elif not self._pull.over:
            await self._tick()

    async def _ask(self) -> None:
        self._asked += 1
        inbox = f"{self._inbox}.{self._asked}"
        self._pull = Pull(inbox, 1) if self._alone else Pull(inbox, self._batch, self._max_bytes)
        request = self._pull.request(self._expires, min(HEARTBEAT_NS, self._expires * 2 // 5))
        await self._client.publish(self._consumer.next_subject, request, reply=inbox)

    def _arrived(self, messages: Sequence[Pulled]) -> None:
        """Keep them for the handful that comes between two turns of the loop."""
        if not self._handful:
            asyncio.get_running_loop().call_soon(self.take_in)
        self._handful += messages

    def take_in(self) -> None:
        """Take in what has arrived, if anything has."""
        handful, self._handful = self._handful, []
        if handful:
            self._silent = 0.0
        if messages := [message for message in handful if message.reply]:
            self._took(messages)
        for status in handful:
            if not status.reply:
                self._told(status)

    def _took(self, messages: Sequence[Pulled]) -> None:
        self._idle, self._stuck = 0.0, 0
        self._given([message.reply for message in messages])
        self._buffer.extend(messages)
        if self._pull.took(messages):
            self._alone = False
            self._turn.set()

    def _told(self, status: Pulled) -> None:
        if status.subject != self._pull.inbox:
            return  # about an earlier request
        match verdict(status.headers):
            case Verdict.ALIVE:
                return
            case Verdict.TOO_LARGE:
                self._alone = self._pull.untouched
            case Verdict.LOST:
                self._lost = f"JetStream ended the pull: {status_text(status.headers)}"
        self._pull.end()
        self._turn.set()

    async def _tick(self) -> None:
        self._silent += self._tick_seconds
        self._idle += self._tick_seconds
        if self._silent > SILENT_SECONDS:
            await self._prove()
        elif self._idle > self.idle_seconds:
            await self._look()

    async def _prove(self) -> None:
        """Not even heartbeats come: an answer to a ping proves that none is on its way."""
        await self._client.flush(PROOF_SECONDS)
        self.take_in()
        if self._silent > SILENT_SECONDS:
            raise SourceUnavailable("JetStream forgot what was asked of it")

    async def _look(self) -> None:
        """Heartbeats come and no messages: is there really nothing?"""
        self._idle = 0.0
        info = await self._consumer.info(self._client)
        if info.created != self._created:
            raise SourceUnavailable(f"consumer {self._consumer.name} was made anew")
        self._stuck = self._stuck + 1 if info.owes_messages else 0
        if self._stuck > 1:
            raise SourceUnavailable(f"{info.num_pending} messages wait and JetStream gives none of them")


def _least(wanted: int, limit: int) -> int:
    """What the consumer's limit allows; 0 is no limit."""
    return min(wanted, limit) if limit > 0 else wanted
