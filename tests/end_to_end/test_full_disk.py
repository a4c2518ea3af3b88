"""A full disk under the local store: it pauses loudly, nothing becomes a dead letter, and space heals it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.command import running
from tests.end_to_end.conftest import Told
from tests.end_to_end.feed import ALL_BUT_BROKEN, Feed, check_store

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
SMALL_DISK = 'mount -t tmpfs -o size=16m none "$0" && exec "$@"'


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


@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_a_full_disk_pauses_and_space_heals_it(bus: Told, store: Told, tmp_path: Path) -> None:
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk in a namespace of its own")
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    told = {**bus, **store, "LOCAL_PATH": str(disk)}
    feed = Feed(told, faults=ALL_BUT_BROKEN)
    feed.send(200)
    with running("run", told=told, inside=[*OWN_MOUNTS, "sh", "-c", SMALL_DISK, str(disk)]) as service:
        service.wait_until_stored(100)
        seen_from_here = Path(f"/proc/{service.process.pid}/root{disk}")
        with full(seen_from_here):
            feed.send(200)
            service.wait_not_ready("store", "breaker", because="free space")
            assert service.get("/livez")[0] == 200
        service.wait_until_settled(feed.truth.received)
        service.wait_ready()
        shutil.copytree(seen_from_here, copy)
        ended = service.end()

    assert ended.code == 0, ended.err
    assert '"level": "error", "event": "operator_needed"' in ended.err
    assert "free space on the disk" in ended.err
    check_store(told | {"LOCAL_PATH": str(copy)}, feed.truth)
