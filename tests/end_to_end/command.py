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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from config import load
from consumer.stores import store_of
from storage import DeadLetter
from storage.adapters.base import Document
from storage.times import EPOCH, FOREVER
from tests.servers import free_port

COMMAND = (sys.executable, "-m", "consumer")
SECONDS = 90
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
    return inherited | {"HTTP_PORT": "0", "PYTHONWARNINGS": "error"} | dict(told)


def tapestore(*arguments: str, told: Environment, expect: int | None = 0) -> Ended:
    """Run a command to its end; fails with what it said when it ends otherwise than expected."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(told), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert expect is None or ended.code == expect, f"{arguments}: exit {ended.code}\n{ended.out}\n{ended.err}"
    return ended


class Running:
    """A service that goes on, with its HTTP port."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def get(self, path: str) -> tuple[int, Any]:
        """Status code and JSON of a path; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except (URLError, ConnectionError, TimeoutError):
            return 0, None

    def wait_until(self, path: str, fact: Any, seconds: float = 30) -> Any:
        """Ask until `fact(code, body)` holds; returns the body."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            code, body = self.get(path)
            if fact(code, body):
                return body
            assert self.process.poll() is None, f"it ended: {self.process.communicate()}"
            time.sleep(0.05)
        raise AssertionError(f"{path} never came true; last {code} {body}")

    def wait_ready(self) -> None:
        """Until everything is connected."""
        self.wait_until("/readyz", lambda code, _: code == 200)

    def end(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=SECONDS)
        return Ended(self.process.returncode, out, err)


@contextmanager
def running(*arguments: str, told: Environment) -> Iterator[Running]:
    """A command that runs while the context lasts; killed at its end if it is still there."""
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment({**told, "HTTP_PORT": str(port)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process, port)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


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
