"""What JetStream and NATS core have in common: one session after another, and a buffer behind them."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from random import uniform

from nats import errors
from nats.aio.subscription import Subscription

from config.bus import NatsSettings
from consumer.errors import SourceRefused
from consumer.messages import Delivery
from consumer.sources.base import Source
from consumer.sources.buffer import Buffer
from consumer.sources.nats_connection import Address, Connection, connected
from consumer.sources.nats_message import NatsMessage
from consumer.telemetry import events

WAIT_SECONDS = 1.0
BETWEEN_SESSIONS_SECONDS = (0.3, 1.0)
FAREWELL_SECONDS = 3.0


class NatsSource(Source):
    """A source whose task connects, serves, and begins anew when that ends, for ever."""

    def __init__(self, settings: NatsSettings, *, prefetch_messages: int, prefetch_bytes: int) -> None:
        self.destination = settings.subject
        self._settings = settings
        self._prefetch_messages = prefetch_messages
        self._prefetch_bytes = prefetch_bytes
        self._address = Address.of(settings)
        self._buffer: Buffer[NatsMessage] = Buffer()
        self._turn = asyncio.Event()  # something happened that the session must look at
        self._connection: Connection | None = None
        self._subscribed = False
        self._closed = False
        self._problem = "not opened"
        self._refusal: SourceRefused | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._problem = "connecting"
        self._task = asyncio.create_task(self._live(), name=f"{self.name} source")

    async def receive(self, max_messages: int, max_bytes: int) -> Sequence[Delivery]:
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            raise refusal
        messages = await self._buffer.take(max_messages, max_bytes, WAIT_SECONDS)
        return self._deliveries(messages) if messages else []

    async def close(self) -> None:
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=FAREWELL_SECONDS)
            task.cancel()  # should nats-py have swallowed the first
            self._problem = "closed"

    @abstractmethod
    async def _session(self, connection: Connection) -> None:
        """Subscribe and serve for as long as the connection is good; whatever it raises ends the session."""

    @abstractmethod
    def _deliveries(self, messages: Sequence[NatsMessage]) -> Sequence[Delivery]:
        """What is handed on of messages in the buffer, of one at least."""

    async def _live(self) -> None:
        while True:
            try:
                async with connected(self._address, self._turn, known_subjects=True) as self._connection:
                    await self._session(self._connection)
            except SourceRefused as refusal:
                self._refusal, self._problem = refusal, f"{refusal}: {refusal.fix}"
            except Exception as error:  # the top of a task: whatever ended this session, the next may go well
                self._problem = str(error) or type(error).__name__
                events.source_lost(self.name, self._problem)
            finally:
                self._connection, self._subscribed = None, False
            await asyncio.sleep(uniform(*BETWEEN_SESSIONS_SECONDS))  # noqa: S311 - spreads pods, hides nothing

    def _serving(self) -> None:
        self._subscribed, self._problem = True, ""
        events.source_connected(self.name, self.destination)

    async def _unsubscribe(self, subscription: Subscription) -> None:
        """Leave, and let what is still on its way reach the buffer."""
        with suppress(errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS / 3):
                await subscription.drain()  # type: ignore[no-untyped-call]  # untyped in nats-py
