"""A private server for tests: its own port, folder and process."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

START_SECONDS = 60
STOP_SECONDS = 20


class ServerError(Exception):
    """A server did not start or stop; the message ends with the end of its log."""


class Server(ABC):
    """One process on a free loopback port, which it keeps over restarts together with its data.

    `start` returns once the server answers, `stop` asks politely, `kill` is SIGKILL. All of them block: in an
    asynchronous test call them by `asyncio.to_thread`. As a context manager it starts, and in the end nothing is left.
    """

    name: ClassVar[str]
    variable: ClassVar[str]  # the environment variable that names a server to use instead
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    refuses_root: ClassVar[bool] = False  # run by root, it is started as nobody

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"tapestore-{self.name}-"))
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def installed(cls) -> bool:
        """Whether this machine has what `start` needs."""

    @classmethod
    @abstractmethod
    def install(cls) -> None:
        """Bring it here; raises InstallError with one line when that is not possible."""

    @property
    @abstractmethod
    def url(self) -> str:
        """How a client reaches it."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder; called once, before the first start."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """The server's command line."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether clients are served now; must return within a second or two."""

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start on the port and the data of before; raises ServerError when it does not answer in time."""
        if self._process is not None:
            raise ServerError(f"{self.name} runs already")
        if not self.log.exists():
            self.run("true")  # makes the log and the folder's owner
            self.prepare()
        self._process = self._spawn(self.command())
        _reaper().watch(self._process.pid, self.folder)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Ask it to end, and wait; kill it when it does not."""
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            self._forget()

    def kill(self) -> None:
        """SIGKILL: it writes nothing more, as when the power goes."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._forget()

    def restart(self) -> None:
        """Stop if it runs, then start."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, *command: str | Path) -> None:
        """Run a command of the server's own tools to its end, as the server's user."""
        process = self._spawn(command)
        if process.wait(START_SECONDS) != 0:
            raise ServerError(f"{command[0]} failed: {self._end_of_log()}")

    def _spawn(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        user = "nobody" if self.refuses_root and os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(self.folder, user)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | {"HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends its servers in order
                user=user,
                extra_groups=None if user is None else [],
            )

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} did not start: {self._end_of_log()}")
            time.sleep(0.05)

    def _forget(self) -> None:
        assert self._process is not None
        _reaper().forget(self._process.pid)
        self._process = None

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-2000:].strip()


class Reaper:
    """Kills what is left when this process ends, however it ends: it reads a pipe that only we hold open."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("reaper.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", script], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        atexit.register(self._process.communicate)

    def watch(self, pid: int, folder: Path) -> None:
        """Kill this process and remove this folder in the end."""
        self._say(f"+{pid} {folder}")

    def forget(self, pid: int) -> None:
        """It ended already."""
        self._say(f"-{pid}")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


@cache
def _reaper() -> Reaper:
    return Reaper()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def greets(port: int) -> bool:
    """Whether a server on this port accepts and speaks first, as NATS and MariaDB do."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            return bool(client.recv(1))
    except OSError:
        return False
