"""The rows of `make bench-peers`: every system reads the same topic into a collection for each symbol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from itertools import count

from msgspec.structs import replace

from benchmarks.bench import Bench
from benchmarks.buses import Bus, new_reader
from benchmarks.flows import naive, tapestore, watch
from benchmarks.peers.benthos import Benthos
from benchmarks.peers.connect import Connect
from benchmarks.peers.peer import Peer, Work
from benchmarks.process import Process
from benchmarks.recorded import YARDSTICK
from benchmarks.report import CEILING
from benchmarks.rows import ROWS, Row
from benchmarks.spans import Measurement, NotMeasured
from benchmarks.stores import MongoDB
from consumer.simulator.envelope import Simulated
from tests.servers.cache import InstallError

_databases = count(1)


def _naive(bench: Bench) -> Measurement:
    store = MongoDB(bench.mongodb, "naive")
    try:
        store.make_collections(bench.documents)
        return naive(new_reader(topic(bench)), store, bench.size.naive, bench.row_seconds)
    finally:
        store.clear()


def _tapestore(bench: Bench) -> Measurement:
    store = MongoDB(bench.mongodb, "tapestore")
    try:
        bus, messages = new_reader(topic(bench)), bench.size.messages
        return tapestore(bus, store, store.arrived, messages, bench.row_seconds).measured()
    finally:
        store.clear()


def _peer(peer: Peer, journaled: bool, bench: Bench) -> Measurement:
    """What it stores until all is there, or the time is over."""
    bring(peer)
    bus, store = topic(bench), MongoDB(bench.mongodb, f"peer_{next(_databases)}")
    work = Work(bus["KAFKA_BOOTSTRAP_SERVERS"], bus["KAFKA_TOPICS"], store.uri, store.name, journaled)
    try:
        store.make_collections({message.key for message in bench.feed("trades").messages}, "T")
        command = peer.command(bench.folder, work)
        with Process(command, {}) as process:
            seen = watch(process, store.arrived, bench.size.messages, bench.row_seconds, all_of_them=False)
            if not any(sample.messages for sample in seen.samples):
                raise process.failure(f"{peer.title} stored nothing")
            return seen.measured()
    finally:
        store.clear()


def bring(peer: Peer) -> None:
    """See to it that it is here; raises NotMeasured with the reason."""
    if peer.installed():
        return
    try:
        peer.install()
    except InstallError as error:
        raise NotMeasured(f"{peer.title} needs {peer.needs}: {error}") from error


def topic(bench: Bench) -> Bus:
    """The trades as the exchange sends them, so that all systems find the symbol in the same place."""
    return bench.kept("flat", lambda: bench.topic([flat(message) for message in bench.feed("trades").messages]))


def flat(message: Simulated) -> Simulated:
    """A message without its envelope and its trace."""
    told = json.loads(message.data)
    payload = {name: value for name, value in told.get("data", told).items() if not name.startswith("_")}
    return replace(message, data=json.dumps(payload, separators=(",", ":")).encode(), headers={})


PEERS: Mapping[str, Peer] = {"connect": Connect(), "benthos": Benthos()}


def _both(name: str) -> dict[str, Row]:
    peer = PEERS[name]
    return {
        name: Row(peer.title, partial(_peer, peer, False), peer.slow),
        f"{name}-journaled": Row(f"{peer.title}, journaled", partial(_peer, peer, True), peer.slow),
    }


PEER_ROWS: Mapping[str, Row] = {
    YARDSTICK: ROWS[YARDSTICK],
    "naive": Row(ROWS["naive"].title, _naive, once=True),
    **_both("connect"),
    **_both("benthos"),
    "tapestore": Row("tapestore, journaled", _tapestore),
    CEILING: ROWS[CEILING],
}
