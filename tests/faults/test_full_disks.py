"""A full disk under the local store, the spool or mongod: it pauses loudly, and space heals it."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, HEALING_SECONDS
from tests.faults.conftest import CourtRoom
from tests.faults.test_kills import NOWHERE
from tests.servers import MongoDB, Server

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
SMALL_DISK = 'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
Start = Callable[[type[Server]], Server]


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Inside of it the disk of this folder has no room at all."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass
    except OSError:
        yield
    finally:
        ballast.unlink()


def on_a_small_disk(folder: Path, size: str) -> Sequence[str]:
    """What starts a program with a disk of this size mounted on a folder, for it alone."""
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk in a namespace of its own")
    folder.mkdir()
    return [*OWN_MOUNTS, "sh", "-c", SMALL_DISK.format(size=size), str(folder)]


def seen_of(pid: int, folder: Path) -> Path:
    """A folder as that process sees it."""
    return Path(f"/proc/{pid}/root{folder}")


@pytest.mark.fault(
    "the local store's disk is full", injection="a tmpfs of 16 MB filled up, then freed", holds="P1 P3 P5"
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_a_full_disk_pauses_and_space_heals_it(
    bus: Told, store: Told, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    judge = judge_of({**bus, **store}, seed)
    judge.send(200)
    with judge.service(inside=on_a_small_disk(disk, "16m"), LOCAL_PATH=str(disk)) as service:
        service.wait_until_stored(100)
        service.wait_ready()  # the tables of the metadata too: messages come before them
        with full(seen_of(service.process.pid, disk)):
            judge.send(200)
            service.wait_not_ready("store", "breaker", because="free space")
            assert service.get("/livez")[0] == 200
        judge.fault_is_over()
        judge.wait_until_idle(service, seconds=HEALING_SECONDS)
        judge.healed()
        shutil.copytree(seen_of(service.process.pid, disk), copy)
        ended = service.end()

    assert ended.code == 0, ended.err
    assert '"level": "error", "event": "operator_needed"' in ended.err
    assert "free space on the disk" in ended.err
    judge.told |= {"LOCAL_PATH": str(copy)}
    judge.killed = True  # the copy was taken before the end: its lineage is open
    judge.verdict()


@pytest.mark.fault("the spool's disk is full", injection="SQL away, a tmpfs of 1 MB filled up", holds="P1 P3 P5")
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
def test_a_full_disk_under_the_spool_stops_nothing(
    bus: Told, store: Told, tmp_path: Path, seed: int, judge_of: CourtRoom
) -> None:
    disk = tmp_path / "disk"
    judge = judge_of({**bus, **store, "LINEAGE_INTERVAL_SECONDS": "0.1"}, seed)
    more = {**NOWHERE, "LOCAL_PATH": str(disk)}
    with judge.service(inside=on_a_small_disk(disk, "1m"), **more) as service:
        service.wait_not_ready("metadata")
        with full(seen_of(service.process.pid, disk)):
            judge.send(300)
            judge.fault_is_over()  # it stops nothing: what comes now is stored while the disk is full
            judge.rest(service)
            status = service.wait_until("/status", lambda _, status: "spool" in status["lineage_spool"]["error"])
        service.wait_until("/status", lambda _, status: "spool" not in status["lineage_spool"]["error"])
        ended = service.end()

    assert status["lineage_spool"]["rows"] > 0
    assert ended.code == 0, ended.err
    judge.verdict(lineage=False)  # SQL stays away, and the spool goes with its disk


@pytest.mark.long
@pytest.mark.fault(
    "mongod's files may not grow", injection="RLIMIT_FSIZE on mongod, then lifted and restarted", holds="P1 P3 P5"
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "mongodb")], indirect=True)
def test_a_mongod_without_room_is_waited_for(
    bus: Told, store: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    mongodb = start_server(MongoDB)
    judge = judge_of({**bus, **store, "MONGODB_URI": mongodb.url}, seed, faults=ALL_BUT_BROKEN)
    judge.send(200)
    with judge.service() as service:
        service.wait_until_stored(100)
        resource.prlimit(mongodb.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        judge.send(500)
        service.wait_not_ready("store")  # mongod ends itself when it cannot write
        assert service.get("/livez")[0] == 200
        mongodb.kill()
        mongodb.start()
        judge.fault_is_over()
        judge.rest(service)
        ended = service.end()

    assert ended.code == 0, ended.err
    judge.verdict()
