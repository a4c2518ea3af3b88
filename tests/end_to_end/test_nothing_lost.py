"""Each bus into each store: what the simulator knows to be true is what stands there, and stays there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.simulator.truth import Truth
from consumer.simulator.truth_file import read_truth
from tests.end_to_end.command import Ended, dead_letters, documents, running, tapestore
from tests.end_to_end.conftest import BUSES, STORES, Told

MESSAGES = 20_000
Again = Callable[[Told], Told]


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return bus | store


def simulate(told: Told, truth: Path, *more: str) -> None:
    to = told["REPLAY_FILES"] if told["SOURCE"] == "file" else told["SOURCE"]
    arguments = ("--to", to, "--count", str(MESSAGES), "--symbols", "3", "--seed", "7", "--faults", "all")
    tapestore("simulate", *arguments, "--truth", str(truth), *more, told=told)


def consume(told: Told, truth: Path, *, first: bool) -> Ended:
    """Publish and consume once; NATS core forgets, so there the consumer listens before and all is sent again."""
    if told["SOURCE"] == "nats":
        with running("run", "--until-idle", "4", "--json", told=told) as service:
            service.wait_ready()
            simulate(told, truth, "--rate", "15000")
            ended = service.wait()
    elif told["SOURCE"] == "file" and not first:
        ended = tapestore("replay", told["REPLAY_FILES"], "--json", told=told)
    else:
        if first:
            simulate(told, truth, *(() if told["SOURCE"] == "file" else ("--create",)))
        ended = tapestore("run", "--until-idle", "2", "--json", told=told)
    assert ended.code == 0, ended.err
    return ended


def fates(ended: Ended) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in ended.json["datasets"].values():
        total.update(row)
    return total


def check_store(told: Told, truth: Truth) -> None:
    differences = list(truth.differences(documents(told)))
    assert not differences, f"{len(differences)}: {differences[:5]}"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("store", STORES, indirect=True)
@pytest.mark.parametrize("bus", BUSES, indirect=True)
def test_everything_sent_is_stored_once_and_delivered_again_changes_nothing(
    told: Told, tmp_path: Path, again: Again
) -> None:
    file = tmp_path / "truth.json"
    counts = fates(consume(told, file, first=True))
    truth = read_truth(file)
    check_store(told, truth)
    assert counts["received"] == truth.received == sum(counts.values()) - counts["received"]
    assert (counts["dead_lettered"], counts["ignored"]) == (truth.dead_letters.total(), truth.ignored)
    assert Counter(letter.reason for letter in dead_letters(told)) == truth.dead_letters

    counts = fates(consume(again(told), file, first=False))
    check_store(told, truth)
    assert counts["stored"] == 0
    assert counts["received"] == truth.received
    assert tapestore("verify", told=told).code == 0
