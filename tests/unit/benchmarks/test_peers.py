"""The systems beside tapestore: what they are fed, what they are told, and what happens without them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.peers.benthos import Benthos
from benchmarks.peers.connect import Connect
from benchmarks.peers.peer import Peer, Work
from benchmarks.peers.rows import PEERS, bring, flat
from benchmarks.spans import NotMeasured
from benchmarks.trades import documents, trades
from tests.servers.cache import InstallError

WORK = Work("127.0.0.1:9092", "bench.1", "mongodb://127.0.0.1:27017/?replicaSet=rs0", "peer", journaled=True)


class Nowhere:
    """A system that cannot be brought here."""

    title = "Elsewhere 1.0"
    needs = "fortran"
    slow = False

    def installed(self) -> bool:
        return False

    def install(self) -> None:
        raise InstallError("fortran is not installed")

    def command(self, folder: Path, work: Work) -> Sequence[str | Path]:
        raise AssertionError(f"never run, in {folder} on {work}")


def test_a_peer_that_cannot_be_brought_is_told_with_its_reason() -> None:
    missing: Peer = Nowhere()
    with pytest.raises(NotMeasured, match=r"Elsewhere 1.0 needs fortran: fortran is not installed"):
        bring(missing)


def test_a_trade_without_envelope_is_the_same_document() -> None:
    messages = trades(300)

    assert documents(map(flat, messages)) == documents(messages)
    assert {name for message in messages for name in json.loads(flat(message).data)} >= {"e", "s", "t", "p", "q", "T"}
    assert all("data" not in json.loads(flat(message).data) for message in messages)


@pytest.mark.parametrize("journaled", [True, False])
def test_both_are_told_the_same_durability(journaled: bool, tmp_path: Path) -> None:
    work = WORK._replace(journaled=journaled)
    output = json.loads(Path(Benthos().command(tmp_path, work)[-1]).read_text())["output"]["mongodb"]

    assert output["write_concern"] == {"w": "majority" if journaled else "1", "j": journaled}
    if Connect().installed():
        sink = Path(Connect().command(tmp_path, work)[-1]).read_text()
        assert f"w={'majority' if journaled else '1'}&journal={str(journaled).lower()}" in sink


def test_every_peer_says_what_it_needs() -> None:
    assert {name: peer.needs for name, peer in PEERS.items()} == {"connect": "java and mvn", "benthos": "go"}
