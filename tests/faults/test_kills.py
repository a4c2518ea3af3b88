"""SIGKILL at every stage of a message's way: nothing is missing, nothing is there twice, the next process goes on."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.end_to_end.command import SECONDS, environment, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import HEALING_SECONDS
from tests.faults.conftest import CourtRoom
from tests.faults.doomed import COMPACTION
from tests.faults.judge import DOOMED
from tests.faults.seeds import COUNT, seeds
from tests.faults.test_store_faults import ended_well

MESSAGES = 600
RESTART_SECONDS = HEALING_SECONDS + 15
"""The new process has to start first, on a machine that may be busy; what it took is in the figures."""
COLLECTIONS_SECONDS = 60
"""To make hundreds of collections, each of which waits for the disk, before what goes into them is stored."""
KILL = "SIGKILL at the stage, restart"
NOWHERE = {"METADATA_URL": "mysql://root@127.0.0.1:1/tapestore"}


def doomed(told: Told, stage: str, seed: int, variant: str = "") -> None:
    """Run the service, or a broken variant of it, until it is killed there."""
    command = [*DOOMED, stage, str(seed), variant]
    died = subprocess.run(command, env=environment(told), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert died.returncode == -signal.SIGKILL, f"{stage}, seed {seed}: {died.stderr}"


ANYWHERE = (
    "after fetch",
    "after decode",
    "mid-buffer",
    "before a write",
    "mid-bulk",
    "after store, before settle",
    "before settle, lineage open",
    "after settle, before lineage",
    "mid dead letter",
    "mid drain",
)
LOCAL = ("mid Parquet file", "after a Parquet file")
PAIRS = (("jetstream", "mongodb"), ("kafka", "mongodb"), ("jetstream", "local"), ("kafka", "local"))


def dealt() -> Iterator[object]:
    """Each stage with each seed; the seeds of a stage go round its pairs of a bus and a store."""
    for number, stage in enumerate((*ANYWHERE, *LOCAL)):
        pairs = PAIRS if stage in ANYWHERE else PAIRS[2:]
        mark = pytest.mark.fault(f"killed {stage}", injection=KILL, holds="P1 P2 P3 P5 P7")
        for seed in seeds(COUNT):
            pair = pairs[(seed - 1 + number) % len(pairs)]
            yield pytest.param(*pair, stage, seed, marks=mark, id=f"{stage}-{'-'.join(pair)}-{seed}")


@pytest.mark.parametrize(("bus", "store", "stage", "seed"), list(dealt()), indirect=["bus", "store"])
def test_nothing_is_lost_or_doubled_by_a_kill(
    bus: Told, store: Told, small: Told, stage: str, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**bus, **store, **small}, seed)
    judge.killed = True
    judge.send(MESSAGES)
    doomed(judge.told, stage, seed)
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service, seconds=RESTART_SECONDS)


@pytest.mark.fault(
    "killed while messages wait sorted",
    injection="SIGKILL while messages of hundreds of collections wait sorted by their keys, restart",
    holds="P1 P2 P3 P5 P7",
)
@pytest.mark.parametrize(("bus", "store"), [("kafka", "mongodb"), ("kafka", "local")], indirect=True)
def test_nothing_is_lost_or_doubled_by_a_kill_while_messages_wait_sorted(
    bus: Told, store: Told, small: Told, seed: int, judge_of: CourtRoom
) -> None:
    # with half as many symbols nothing is sorted; with twice as many a mongod that others use too takes minutes
    judge = judge_of({**bus, **store, **small, "MAX_IN_FLIGHT_MESSAGES": "1000"}, seed, symbols=40)
    judge.killed = True
    judge.send(MESSAGES * 10)
    doomed(judge.told, "while sorted", seed)
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service, seconds=RESTART_SECONDS + COLLECTIONS_SECONDS)


@pytest.mark.killed
@pytest.mark.fault("killed mid spool write", injection="SQL down, SIGKILL while the spool is saved", holds="P1 P3 P7")
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_a_kill_in_a_write_of_the_spool_leaves_a_spool_that_is_whole(
    bus: Told, store: Told, small: Told, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**bus, **store, **small}, seed)
    judge.killed = True
    judge.send(MESSAGES)
    doomed(judge.told | NOWHERE, "mid spool write", seed)
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service, seconds=RESTART_SECONDS)


@pytest.mark.killed
@pytest.mark.fault("killed mid compaction", injection="SIGKILL of `tapestore compact` at a file", holds="P1 P3")
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_a_kill_in_a_compaction_changes_nothing(
    bus: Told, store: Told, small: Told, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**bus, **store, **small}, seed)
    judge.send(MESSAGES)
    tapestore("run", "--until-idle", "0.5", told=judge.told)  # in small batches: many files
    doomed(judge.told, COMPACTION, seed)
    tapestore("compact", told=judge.told)
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service, seconds=RESTART_SECONDS)


@pytest.mark.long
@pytest.mark.minutes
@pytest.mark.fault("killed again and again", injection="20 kills at random stages in a row", holds="P1 P2 P3 P7")
@pytest.mark.parametrize(("bus", "store"), [PAIRS[0], PAIRS[3]], indirect=True)
def test_many_kills_in_a_row_are_as_harmless_as_one(
    bus: Told, store: Told, small: Told, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of({**bus, **store, **small}, seed)
    judge.killed = True
    chance, stages = random.Random(seed), [stage for stage in ANYWHERE if stage != "mid dead letter"]
    for _ in range(20):
        judge.send(MESSAGES // 2)
        doomed(judge.told, chance.choice(stages), chance.randrange(1000))
    judge.fault_is_over()
    with judge.service() as service:
        ended_well(judge, service, seconds=RESTART_SECONDS)
