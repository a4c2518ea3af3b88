"""A process that is measured from outside, by what Linux says of it in /proc (proc(5))."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

from benchmarks.spans import NotMeasured
from tests.servers.server import Reaper

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 10
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What a process has used so far: CPU time of all its threads, and the most memory it had resident."""

    cpu_seconds: float
    peak_rss_mb: float


class Process:
    """A command in a folder of its own; when the context ends, both are gone.

    `environment` is all that it gets besides what a process needs to run at all.
    """

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._command = command
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._environment = inherited | {"PYTHONPATH": str(ROOT)} | dict(environment)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tapestore-bench-")))
            out, log = (stack.enter_context((self.folder / name).open("wb")) for name in ("out", "log"))
            self._began = time.perf_counter()
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
            _reaper().watch(self.pid, self.folder)
            self._folder_and_files = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        _reaper().forget(self.pid)
        self._folder_and_files.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        """How long ago the command was given."""
        return time.perf_counter() - self._began

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.poll() is not None

    def usage(self) -> Usage | None:
        """What it has used; None when it has ended."""
        if self.has_ended:
            return None
        stat, status = (Path(f"/proc/{self.pid}/{name}").read_text() for name in ("stat", "status"))
        return Usage(cpu_seconds(stat), peak_rss_mb(status))

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self, seconds: float) -> str:
        """Wait until it ends by itself and return what it printed; raises NotMeasured unless that is with exit 0."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {seconds:.0f} s") from None
        if code != 0:
            raise self.failure(f"exit {code}")
        return (self.folder / "out").read_text()

    def failure(self, what: str) -> NotMeasured:
        """An error that also says what it logged last."""
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return NotMeasured("; ".join([what, *lines[-1:]]))

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def cpu_seconds(stat: str) -> float:
    """User and system time from the text of /proc/<pid>/stat, where the name may hold blanks and brackets."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def peak_rss_mb(status: str) -> float:
    """VmHWM from the text of /proc/<pid>/status in megabytes (10^6); 0.0 when the process is ending."""
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024 / 1e6


@cache
def _reaper() -> Reaper:
    """Ends what is left when we are killed ourselves."""
    return Reaper()
