"""A simulated market that this process sends to the bus of the settings, and what must be stored of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from itertools import islice

from config import Settings, load
from consumer.errors import SourceError
from consumer.simulator import Faults, Market, Simulated, Truth
from consumer.simulator.publish import publish
from consumer.simulator.publishers import Publisher, open_publisher
from storage.auditing import ledger
from storage.metadata import MetadataDatabase
from storage.metadata.rows import OUTCOMES, LineageTotals
from storage.repositories.lineage import LineageRepository
from tests.end_to_end.command import dead_letters, documents

BETWEEN_TRIES_SECONDS = 0.2
HEALING_SECONDS = 15
ALL = ("all",)
ALL_BUT_BROKEN = ("all", "broken=0")


class Feed:
    """One market on one bus, whose stream or topic it makes.

    What the bus did not take for certain is sent again, so that it may be there twice: feed a bus that goes
    away with ALL_BUT_BROKEN, for each copy of a broken message is a dead letter, and `truth` counts one.
    """

    def __init__(
        self, told: Mapping[str, str], *, faults: Sequence[str] = ALL, symbols: int = 2, seed: int = 7
    ) -> None:
        self._settings = load(dict(told))
        self._market = Market(seed, symbols, Faults.parse(faults), subject=self._settings.nats.subject)

    @property
    def market(self) -> Market:
        """Where the messages come from: whoever takes some has to send them."""
        return self._market

    @property
    def truth(self) -> Truth:
        """What must be in the store when all that was sent has arrived."""
        return self._market.truth

    def send(self, count: int) -> None:
        """Send so many messages more; the bus has them when this returns."""
        asyncio.run(self._send(islice(self._market, count)))

    @contextmanager
    def flowing(self, rate: int) -> Iterator[None]:
        """Send so many messages a second while the context lasts."""
        ending = threading.Event()
        with ThreadPoolExecutor(max_workers=1) as thread:
            sending = thread.submit(asyncio.run, self._send(_until(ending, self._market), rate))
            try:
                yield
            finally:
                ending.set()
            sending.result()

    async def _send(self, messages: Iterator[Simulated], rate: int | None = None) -> None:
        async with _Persistent(self._settings) as publisher:
            await publish(messages, publisher, rate=rate)


def _until(ending: threading.Event, messages: Iterator[Simulated]) -> Iterator[Simulated]:
    while not ending.is_set():
        yield next(messages)


class _Persistent(AsyncExitStack):
    """A publisher that connects again, and sends again, until the bus has taken everything."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._publisher: Publisher | None = None

    async def publish(self, messages: Sequence[Simulated]) -> None:
        while True:
            try:
                return await (await self._connected()).publish(messages)
            except SourceError:
                self._publisher = None
                await self.aclose()
                await asyncio.sleep(BETWEEN_TRIES_SECONDS)

    async def _connected(self) -> Publisher:
        if self._publisher is None:
            opening = open_publisher(self._settings.source, self._settings, create=True)
            self._publisher = await self.enter_async_context(opening)
        return self._publisher


def check_store(told: Mapping[str, str], truth: Truth) -> None:
    """Nothing is missing, nothing is wrong, nothing is there that was not sent; one letter for each broken message."""
    differences = list(truth.differences(documents(told)))
    assert not differences, f"{len(differences)}: {differences[:5]}"
    assert Counter(letter.reason for letter in dead_letters(told)) == truth.dead_letters


def wait_until_all_is_stored(told: Mapping[str, str], truth: Truth, *, since: float) -> None:
    """Until everything that was sent stands in the store, which must not take longer than healing may."""
    while any(truth.differences(documents(told))):
        assert time.monotonic() < since + HEALING_SECONDS, "it does not heal"


def sums(told: Mapping[str, str]) -> Counter[str]:
    """All counts of all runs in the lineage rows, which add up without a remainder."""
    rows = totals(told)
    assert ledger.verify(rows) == []
    of_records = ledger.add(total for total in rows if total.transformation != "run")
    return Counter({name: getattr(of_records, name) for name in ("received", *OUTCOMES)})


def totals(told: Mapping[str, str]) -> list[LineageTotals]:
    """The counts of each run and dataset in the lineage rows."""
    return asyncio.run(_totals(load(dict(told))))


async def _totals(settings: Settings) -> list[LineageTotals]:
    async with MetadataDatabase(settings.metadata_url.get_secret_value()) as database:
        return await LineageRepository(database).totals()
