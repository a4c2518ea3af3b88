"""Rows that wait: merged, frozen, delivered once, on a disk that fails now and then."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage import RejectedError
from storage.metadata import LineageRow
from storage.spool import CorruptSpool, LineageSpool, SpoolError, Waiting, merge
from storage.spool.files import decode, encode
from tests.contracts.rows import CANDLES, NOON, TRADES, lineage


def test_merged_intervals_add_up_and_span_both() -> None:
    older = lineage("a", parameters={"first": 1, "last": 9, "partition": 3}, in_flight=7)
    newer = lineage(
        "b", parameters={"first": 10, "last": 19}, in_flight=2, trace_id=None, timestamp=NOON + timedelta(seconds=9)
    )

    both = merge(older, newer)

    assert (both.lineage_id, both.received, both.stored, both.duplicate) == ("a", 20, 18, 2)
    assert both.parameters == {"first": 1, "last": 19, "partition": 3}
    assert (both.in_flight, both.execution_seconds, both.timestamp) == (2, Decimal("0.5"), newer.timestamp)
    assert both.trace_id == older.trace_id


def test_only_rows_of_one_dataset_and_partition_are_merged() -> None:
    others = [
        lineage("b", dataset_id=CANDLES),
        lineage("c", source_dataset_id="kafka:market-data/4"),
        lineage("d", transformation="run", status="closed"),
    ]

    assert len(Waiting().add([lineage("a"), *others, lineage("e")])) == 4


def test_rows_that_may_have_arrived_are_not_changed_any_more() -> None:
    waiting = Waiting().add([lineage("a")]).freeze().add([lineage("b"), lineage("c")])

    assert waiting.frozen == (lineage("a"),)
    assert waiting.pending == (merge(lineage("b"), lineage("c")),)
    assert waiting.freeze() == waiting
    assert waiting.delivered() == Waiting(pending=waiting.pending)


PLACES = [(TRADES, "p0"), (TRADES, "p1"), (CANDLES, "p0")]


class DeliveryMachine(RuleBasedStateMachine):
    """A database that takes a row once, whatever happens on the way, ends with every record counted once."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Waiting()
        self.stored: dict[str, LineageRow] = {}
        self.received = 0
        self.rows = 0

    @rule(place=st.sampled_from(PLACES), received=st.integers(1, 9))
    def interval(self, place: tuple[str, str], received: int) -> None:
        self.rows += 1
        self.received += received
        row = lineage(f"row-{self.rows}", dataset_id=place[0], source_dataset_id=place[1], received=received)
        self.waiting = self.waiting.add([row])

    @rule(arrives=st.booleans(), answered=st.booleans())
    def send(self, arrives: bool, answered: bool) -> None:
        self.waiting = self.waiting.freeze()
        if arrives:
            self._store(self.waiting.frozen)
        if arrives and answered:
            self.waiting = self.waiting.delivered()

    @rule()
    def restart(self) -> None:
        self.waiting = decode(encode(self.waiting))

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.waiting) <= 2 * len(PLACES)

    def teardown(self) -> None:
        self._store(self.waiting.frozen)
        self._store(self.waiting.pending)
        assert sum(row.received for row in self.stored.values()) == self.received

    def _store(self, rows: tuple[LineageRow, ...]) -> None:
        for row in rows:
            self.stored.setdefault(row.lineage_id, row)


TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def spooled(folder: Path, run_id: str = "run-1", *rows: LineageRow) -> LineageSpool:
    spool = LineageSpool(folder, run_id)
    spool.waiting = spool.waiting.add(rows or [lineage()])
    spool.save()
    return spool


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_while_nothing_waits_nothing_is_written(tmp_path: Path) -> None:
    spool = LineageSpool(tmp_path / "spool", "run-1")

    spool.save()
    spool.close()

    assert names(tmp_path) == []


def test_rows_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    row = lineage(execution_seconds=Decimal("1.500"), parameters={"first": "1:7", "at": [1, None]})
    spooled(tmp_path, "run-1", row).close()

    leftover = LineageSpool(tmp_path, "run-2").next_leftover()

    assert leftover is not None and leftover.read() == Waiting(pending=(row,))
    leftover.release()


def test_what_is_delivered_leaves_no_file(tmp_path: Path) -> None:
    spool = spooled(tmp_path)
    assert names(tmp_path) == ["lineage-run-1.json", "lineage-run-1.lock"]

    spool.waiting = Waiting()
    spool.save()
    spool.close()

    assert names(tmp_path) == []


def test_the_file_of_a_living_run_is_left_alone(tmp_path: Path) -> None:
    living = spooled(tmp_path)

    assert LineageSpool(tmp_path, "run-2").next_leftover() is None
    living.close()


def test_two_do_not_take_the_same_leftover(tmp_path: Path) -> None:
    spooled(tmp_path, "dead").close()

    first = LineageSpool(tmp_path, "run-1").next_leftover()
    second = LineageSpool(tmp_path, "run-2").next_leftover()

    assert first is not None and second is None
    first.release()


def test_a_leftover_that_was_delivered_is_gone(tmp_path: Path) -> None:
    spooled(tmp_path, "dead").close()
    spool = LineageSpool(tmp_path, "run-1")
    leftover = spool.next_leftover()
    assert leftover is not None

    leftover.remove()
    leftover.release()

    assert spool.next_leftover() is None
    assert names(tmp_path) == []


def test_the_oldest_leftover_comes_first(tmp_path: Path) -> None:
    for age, run_id in ((10, "b"), (30, "c"), (20, "a")):
        spooled(tmp_path, run_id, lineage(run_id)).close()
        os.utime(tmp_path / f"lineage-{run_id}.json", (1e9 - age, 1e9 - age))

    leftover = LineageSpool(tmp_path, "run-1").next_leftover()

    assert leftover is not None and leftover.read().pending[0].lineage_id == "c"
    leftover.release()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"sha256":"0","waiting":{}}', b"\xff\xfe", b"[1]"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    spooled(tmp_path, "dead").close()
    (tmp_path / "lineage-dead.json").write_bytes(damage)
    spool = LineageSpool(tmp_path, "run-1")
    leftover = spool.next_leftover()
    assert leftover is not None

    with pytest.raises(CorruptSpool) as caught:
        leftover.read()
    leftover.release()

    assert "lineage-dead.corrupt" in caught.value.fix
    assert spool.next_leftover() is None
    assert (tmp_path / "lineage-dead.corrupt").read_bytes() == damage


def test_one_wrong_digit_is_noticed() -> None:
    content = encode(Waiting().add([lineage(received=1234567)]))

    with pytest.raises(ValueError, match="checksum"):
        decode(content.replace(b"1234567", b"1234568"))


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_the_older_file_and_the_rows_in_memory(tmp_path: Path) -> None:
    spool = spooled(tmp_path)
    before = (tmp_path / "lineage-run-1.json").read_bytes()
    spool.waiting = spool.waiting.add([lineage("b")])

    with full_disk(), pytest.raises(SpoolError, match="File too large") as caught:
        spool.save()

    assert "room" in caught.value.fix
    assert (tmp_path / "lineage-run-1.json").read_bytes() == before
    assert names(tmp_path) == ["lineage-run-1.json", "lineage-run-1.lock"]
    spool.save()
    assert decode((tmp_path / "lineage-run-1.json").read_bytes()) == spool.waiting
    spool.close()


def test_a_folder_that_cannot_be_made_is_a_spool_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SpoolError):
        spooled(tmp_path / "file" / "spool")


@pytest.mark.parametrize("run_id", ["", "../up", "a/b", ".hidden", "x" * 65, "é"])
def test_a_run_id_that_is_no_file_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(RejectedError, match="run id"):
        LineageSpool(tmp_path, run_id)


SAVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.unit.test_spool import spooled
spool = spooled(Path(sys.argv[1]), "killed")
print("saved", flush=True)
sys.stdin.read()
"""


def test_the_file_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAVE_AND_DIE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"saved\n"
        spool = LineageSpool(tmp_path, "run-1")
        assert spool.next_leftover() is None

        process.send_signal(signal.SIGKILL)
        process.wait()

        leftover = spool.next_leftover()
        assert leftover is not None and leftover.read() == Waiting(pending=(lineage(),))
        leftover.release()
