"""The real command in a real process, and a look at the store that it leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError

from config import load
from consumer.stores import store_of
from storage import DeadLetter
from storage.adapters.base import Document
from storage.times import EPOCH, FOREVER
from tests.servers import Server, free_port

COMMAND = (sys.executable, "-m", "consumer")
SECONDS = 90
NOTICE_SECONDS = 8
"""What a process may take to notice a signal, and to end when all is done, on a busy machine."""
WARNINGS = "error,ignore:unclosed <socket:ResourceWarning"
"""All are errors but this one: PyMongo leaves a connection that is cancelled half-way to the garbage collector."""
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(told: Environment) -> dict[str, str]:
    """Only what is told, and what a process needs to run at all."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return inherited | {"HTTP_PORT": "0", "PYTHONWARNINGS": WARNINGS} | dict(told)


def tapestore(*arguments: str, told: Environment, expect: int | None = 0) -> Ended:
    """Run a command to its end; fails with what it said when it ends otherwise than expected."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(told), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert expect is None or ended.code == expect, f"{arguments}: exit {ended.code}\n{ended.out}\n{ended.err}"
    return ended


class Running:
    """A service that goes on, with its HTTP port; what it says goes to files, so that it never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self._folder = folder

    @property
    def out(self) -> str:
        """What it has written to stdout so far."""
        return (self._folder / "out").read_text()

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return (self._folder / "err").read_text()

    def text(self, path: str) -> tuple[int, str]:
        """Status code and body of a path; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, ConnectionError, TimeoutError):
            return 0, ""

    def wait_until_said(self, words: str, seconds: float = 30) -> None:
        """Until these words are on stderr."""
        deadline = time.monotonic() + seconds
        while words not in self.err:
            assert self.process.poll() is None, f"it ended: {self.err}"
            assert time.monotonic() < deadline, f"it never said {words}: {self.err}"
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, Any]:
        """Status code and JSON of a path; 0 while nobody listens."""
        code, body = self.text(path)
        return code, json.loads(body) if code else None

    def wait_until(self, path: str, fact: Any, seconds: float = 30) -> Any:
        """Ask until somebody answers and `fact(code, body)` holds; returns the body."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            code, body = self.get(path)
            if code and fact(code, body):
                return body
            assert self.process.poll() is None, f"it ended: {self.err}"
            time.sleep(0.05)
        raise AssertionError(f"{path} never came true; last {code} {body}\n{self.err}")

    def wait_ready(self) -> None:
        """Until everything is connected."""
        self.wait_until("/readyz", lambda code, _: code == 200)

    def wait_not_ready(self, *names: str, because: str = "") -> None:
        """Until each of these is not as it must be, and this is said of one of them."""
        self.wait_until("/readyz", lambda _, body: failing(body) >= set(names) and because in str(body["not_ready"]))

    def wait_until_stored(self, records: int) -> None:
        """Until so many records are stored."""
        self.wait_until("/status", lambda _, status: count_of("stored", status) >= records)

    def wait_until_settled(self, records: int) -> Any:
        """Until so many records were received and none is in flight; returns what /status says then."""
        return self.wait_until(
            "/status",
            lambda _, status: count_of("received", status) >= records and not status["in_flight"]["messages"],
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for the end."""
        code = self.process.wait(SECONDS)
        return Ended(code, self.out, self.err)


def failing(readiness: Any) -> set[str]:
    """The names of the checks that fail."""
    return {check["name"] for check in readiness["checks"] if not check["ok"]}


def count_of(fate: str, status: Any) -> int:
    """How many records had this fate, in what /status says."""
    return sum(row[fate] for row in status["records"].values())


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """A server that keeps its connections, takes new ones and answers nothing while the context lasts."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def running(
    *arguments: str, told: Environment, inside: Sequence[str] = (), command: Sequence[str] = COMMAND
) -> Iterator[Running]:
    """A command that runs while the context lasts; killed at its end if it is still there.

    `inside` is a command that ends by executing the one that it is given; `command` stands in for ours.
    """
    port = free_port()
    with TemporaryDirectory() as folder, Path(folder, "out").open("wb") as out, Path(folder, "err").open("wb") as err:
        process = subprocess.Popen(
            [*inside, *command, *arguments],
            env=environment({**told, "HTTP_PORT": str(port)}),
            stdout=out,
            stderr=err,
        )
        try:
            yield Running(process, port, Path(folder))
        finally:
            process.kill()
            process.wait()


def documents(told: Environment) -> dict[str, list[Document]]:
    """Everything that is in the store, by collection."""
    return asyncio.run(_documents(told))


def dead_letters(told: Environment) -> list[DeadLetter]:
    """All dead letters of the store."""
    return asyncio.run(_dead_letters(told))


async def _documents(told: Environment) -> dict[str, list[Document]]:
    async with store_of(load(dict(told)), read_only=True) as store:
        return {
            name: [document async for document in store.query_range(name, EPOCH, FOREVER)]
            for name in await store.list_collections()
        }


async def _dead_letters(told: Environment) -> list[DeadLetter]:
    async with store_of(load(dict(told)), read_only=True) as store:
        return [letter async for letter in store.dead_letters.find()]
