"""Several processes in one Kafka group, looked at together."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.buses import Bus
from benchmarks.flows import END_SECONDS, TAPESTORE, Seen, check, settings, watch
from benchmarks.held import Held
from benchmarks.process import Process, Usage
from benchmarks.spans import NotMeasured
from benchmarks.stores import Store

JOIN_SECONDS = 30


class Together:
    """Their CPU time is the sum, their memory that of the largest."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    @property
    def age_seconds(self) -> float:
        """Since the first command."""
        return self._processes[0].age_seconds

    def usage(self) -> Usage | None:
        """What they have used; None when one has ended."""
        each = [usage for process in self._processes if (usage := process.usage())]
        if len(each) < len(self._processes):
            return None
        return Usage(sum(one.cpu_seconds for one in each), max(one.peak_rss_mb for one in each))

    def failure(self, what: str) -> NotMeasured:
        """An error that also says what the first logged last."""
        return self._processes[0].failure(what)


def measure(bus: Bus, store: Store, held: Held, workers: int, seconds: float) -> Seen:
    """All that is held, released once so many workers share the partitions."""
    with ExitStack() as stack:
        commands = [Process([*TAPESTORE, "run", "--json"], settings(bus, store)) for _ in range(workers)]
        processes = [stack.enter_context(command) for command in commands]
        asyncio.run(_joined(bus, workers))
        held.release()
        seen = watch(Together(processes), store.arrived, held.count, seconds)
        for process in processes:
            process.signal(signal.SIGTERM)
        check([process.end(END_SECONDS) for process in processes], held.count)
    return seen


async def _joined(bus: Bus, workers: int) -> None:
    """Wait until the group is stable with so many members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bus["KAFKA_BOOTSTRAP_SERVERS"])
    await admin.start()
    try:
        deadline = time.monotonic() + JOIN_SECONDS
        while time.monotonic() < deadline:
            if await _members(admin, bus["KAFKA_GROUP_ID"]) == workers:
                return
            await asyncio.sleep(0.2)
        raise NotMeasured(f"{workers} workers did not form a group within {JOIN_SECONDS} s")
    finally:
        await admin.close()


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    (answer,) = await admin.describe_consumer_groups([group])
    _, _, state, _, _, members, *_ = answer.groups[0]
    return len(members) if state == "Stable" else 0
