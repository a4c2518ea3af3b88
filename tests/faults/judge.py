"""The judge of one seeded run: what was sent, held against the store, the letters, the lineage and the metrics."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from config import load
from consumer.stores import store_of
from storage import Conflict
from storage.adapters.base import Document
from storage.auditing import ledger
from tests.end_to_end.command import Running, count_of, dead_letters, documents, running
from tests.end_to_end.feed import ALL, HEALING_SECONDS, Feed, sums, totals

FRESH = 50
"""Messages that are sent once all is quiet: they prove that it goes on."""
POLL_SECONDS = 0.05
SECONDS = 60
DOOMED = (sys.executable, "-m", "tests.faults.doomed")
FATES = ("stored", "duplicate", "stale", "conflict", "dead_lettered", "ignored", "returned")
_SAMPLE = re.compile(r'^tapestore_records_total\{.*outcome="(\w+)".*\} (\S+)$', re.MULTILINE)


@dataclass
class Figures:
    """What a run showed; `lost` and `duplicate_effects` are documents, letters and conflicts. None: not measured."""

    seed: int | None = None
    sent: int = 0
    lost: int | None = None
    duplicate_effects: int | None = None
    recovery_seconds: float | None = None
    redelivered: int | None = None
    peak_rss_mib: int | None = None

    def compare(self, expected: Iterable[object], found: Iterable[object]) -> None:
        """Count what is missing and what is too much; raises AssertionError when there is any."""
        wanted, there = Counter(expected), Counter(found)
        self.count(lost=(wanted - there).total(), duplicate_effects=(there - wanted).total())
        assert wanted == there, f"missing {list(wanted - there)[:3]}, too much {list(there - wanted)[:3]}"

    def count(self, *, lost: int = 0, duplicate_effects: int = 0) -> None:
        """So many more are missing, or are there and should not be."""
        self.lost = (self.lost or 0) + lost
        self.duplicate_effects = (self.duplicate_effects or 0) + duplicate_effects

    def used(self, mib: int) -> None:
        """So much memory was resident once."""
        self.peak_rss_mib = max(self.peak_rss_mib or 0, mib)


class Judge:
    """Sends a market of this seed, watches the service, and in the end says what is wrong.

    The order of a run: `service` and `flowing` or `send`, a fault, `fault_is_over`, `rest`, and with the service
    ended `verdict`. A seed gives the same messages again.
    """

    def __init__(self, told: Mapping[str, str], seed: int, *, faults: Sequence[str] = ALL, symbols: int = 2) -> None:
        self.told = dict(told)
        self.feed = Feed(told, faults=faults, symbols=symbols, seed=seed)
        self.figures = Figures(seed)
        self.seed = seed
        self.killed = False
        self._over = time.monotonic()
        print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure: it replays the run

    @contextmanager
    def service(self, *, inside: Sequence[str] = (), **more: str) -> Iterator[Running]:
        """The real command in its process, consuming while the context lasts; `more` are settings."""
        with running("run", told=self.told | more, inside=inside) as service:
            yield service

    @contextmanager
    def variant(self, name: str, *, stage: str = "never") -> Iterator[Running]:
        """The service with a promise broken on purpose; without a name it is as it should be."""
        with running(stage, str(self.seed), name, told=self.told, command=DOOMED) as service:
            yield service

    def send(self, count: int) -> None:
        """Send so many messages more."""
        self.feed.send(count)

    def fault_is_over(self) -> None:
        """From now on healing is timed."""
        self._over = time.monotonic()

    def healed(self, at: float | None = None) -> None:
        """All that was sent is where it must be, now or since a reading of the monotonic clock."""
        self.figures.recovery_seconds = round((at or time.monotonic()) - self._over, 2)

    def rest(self, service: Running, *, seconds: float = HEALING_SECONDS) -> None:
        """Send a few more, wait until all is stored, and look at the numbers; `seconds` count from the fault's end."""
        self.feed.send(FRESH)
        self._wait_until_all_is_stored(service, self._over + seconds)
        self._look_at(service)

    def documents(self) -> dict[str, list[Document]]:
        """All that is in the store."""
        return documents(self.told)

    def wait_until_idle(self, service: Running, *, seconds: float = SECONDS) -> None:
        """Until the bus has nothing more for us, whatever became of it; then look at the numbers."""
        deadline = time.monotonic() + seconds
        while not _is_idle(service):
            assert time.monotonic() < deadline, f"it does not end: {service.get('/status')}"
            time.sleep(POLL_SECONDS)
        self._look_at(service)

    def check_bounds(self, service: Running) -> None:
        """No more in flight than was allowed, now."""
        now = service.get("/status")[1]["in_flight"]
        assert now["messages"] <= now["max_messages"], f"too much in flight: {now}"

    def _wait_until_all_is_stored(self, service: Running, deadline: float) -> None:
        while True:
            is_idle, now = _is_idle(service), time.monotonic()
            if is_idle and not any(self.feed.truth.differences(documents(self.told))):
                return self.healed(now)
            assert service.process.poll() is None, f"it ended: {service.err}"
            assert now < deadline, (
                f"it does not heal: {self._missing()} {service.get('/status')}\n{service.err[-3000:]}"
            )
            time.sleep(POLL_SECONDS)

    def _missing(self) -> list[str]:
        return list(islice(self.feed.truth.differences(self.documents()), 4))

    def _look_at(self, service: Running) -> None:
        """The numbers of a service with nothing to do: /metrics says what /status says, and it adds up."""
        self.check_bounds(service)
        status = service.wait_until("/status", lambda _, status: not status["in_flight"]["messages"])
        measured: Counter[str] = Counter()
        for fate, value in _SAMPLE.findall(service.text("/metrics")[1]):
            measured[fate] += int(float(value))
        told = Counter({fate: count_of(fate, status) for fate in FATES})
        assert +measured == +told, f"metrics and status differ: {measured} {told}"
        assert told.total() == count_of("received", status), "what was received and what ended differ"
        self.figures.redelivered = status["sources"][0]["redelivered"]
        self.figures.used(peak_rss_mib(service.process.pid))

    def verdict(self, *, lineage: bool = True) -> Figures:
        """Compare everything with the truth; raises AssertionError with what is wrong."""
        self.figures.sent = self.feed.truth.messages
        self.figures.count()
        faults = [*self._wrong_documents(), *self._wrong_letters(), *self._wrong_conflicts()]
        faults += self._wrong_lineage() if lineage else ()
        assert not faults, f"seed {self.seed}, {len(faults)} faults: {faults[:3] + faults[-3:]} {asdict(self.figures)}"
        return self.figures

    def counted_loss(self, counted: int, *, received: int) -> Figures:
        """The verdict on a bus that cannot give again: lost is what was neither received nor counted as lost."""
        self.figures.sent = self.feed.truth.messages
        never = [each for each in self.feed.truth.differences(self.documents()) if each.endswith("was never sent")]
        self.figures.count(lost=abs(self.figures.sent - received - counted), duplicate_effects=len(never))
        assert received + counted == self.figures.sent, f"{received} received and {counted} lost: {self.figures}"
        faults = [*never, *self._wrong_letters(), *(finding.text for finding in ledger.verify(totals(self.told)))]
        assert not faults, f"seed {self.seed}: {faults[:3]}"
        return self.figures

    def _wrong_documents(self) -> Iterator[str]:
        for difference in self.feed.truth.differences(documents(self.told)):
            self._count(difference.endswith("is missing"))
            yield difference

    def _wrong_letters(self) -> Iterator[str]:
        found = Counter(letter.reason for letter in dead_letters(self.told))
        for reason, count in (self.feed.truth.dead_letters - found).items():
            self._count(True, count)
            yield f"{count} letters are missing: {reason}"
        for reason, count in (found - self.feed.truth.dead_letters).items():
            self._count(False, count)
            yield f"{count} letters too many: {reason}"

    def _wrong_conflicts(self) -> Iterator[str]:
        found = {(conflict.collection, conflict.key) for conflict in _conflicts(self.told)}
        expected = self.feed.truth.contradictions.keys()
        for key in expected - found:
            self._count(True)
            yield f"{key} has no conflict"
        for key in found - expected:
            self._count(False)
            yield f"{key} has a conflict that was never sent"

    def _wrong_lineage(self) -> Iterator[str]:
        """A run that was killed leaves an interval open; else all that was sent is in the rows."""
        for finding in ledger.verify(totals(self.told)):
            if finding.failure or not self.killed:
                yield f"lineage: {finding.text}"
        if not self.killed and (received := sums(self.told)["received"]) < self.feed.truth.received:
            yield f"lineage: {received} received of {self.feed.truth.received}"

    def _count(self, is_lost: bool, count: int = 1) -> None:
        self.figures.count(**{"lost" if is_lost else "duplicate_effects": count})


def _is_idle(service: Running) -> bool:
    """A cheap look before the dear one at the store."""
    code, status = service.get("/status")
    return bool(code) and status["sources"][0]["lag"] == 0 and status["in_flight"]["messages"] == 0


def peak_rss_mib(pid: int) -> int:
    """The most memory that a living process has had, as the kernel counts it."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _conflicts(told: Mapping[str, str]) -> list[Conflict]:
    async def found() -> list[Conflict]:
        async with store_of(load(dict(told)), read_only=True) as store:
            return [conflict async for conflict in store.conflicts.find()]

    return asyncio.run(found())
