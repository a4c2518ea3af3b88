"""SIGKILL at any point of a batch, again and again: nothing is missing, nothing is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.end_to_end.command import SECONDS, environment, tapestore
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import Feed, check_store

PAIRS = [("jetstream", "mongodb"), ("kafka", "mongodb"), ("kafka", "local")]
KILLS = [("before", "write", 5), ("during", "letter", 1), ("before", "settlement", 5)]


@pytest.fixture
def told(bus: Told, store: Told, unique_name: str) -> Told:
    """Small batches and little in flight, so that one process never has it all."""
    return {
        **bus,
        **store,
        "BATCH_MAX_MESSAGES": "50",
        "BATCH_MAX_AGE_SECONDS": "0.1",
        "MAX_IN_FLIGHT_MESSAGES": "200",
        "NATS_ACK_WAIT_SECONDS": "1",
        "KAFKA_GROUP_INSTANCE_ID": unique_name,  # who comes again under this name need not wait for its dead self
        "LINEAGE_INTERVAL_SECONDS": "0.1",
    }


def die(told: Told, *point: object) -> None:
    """Run the service until it is killed there."""
    command = [sys.executable, "-m", "tests.end_to_end.doomed", *map(str, point)]
    died = subprocess.run(command, env=environment(told), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr


@pytest.mark.parametrize(("bus", "store"), PAIRS, indirect=True)
def test_nothing_is_lost_or_doubled_by_kills(told: Told) -> None:
    feed = Feed(told)
    feed.send(1000)
    for point in KILLS:
        die(told, *point)

    tapestore("run", "--until-idle", "0.5", told=told)

    check_store(told, feed.truth)
    verdict = tapestore("verify", "--json", told=told).json
    assert verdict["ok"]
    assert {finding["kind"] for finding in verdict["findings"]} == {"open interval"}
