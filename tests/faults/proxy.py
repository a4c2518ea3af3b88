"""A wire for tests that do not run in a loop: it has a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.wire import Wire

ANSWER_SECONDS = 10


class Proxy:
    """A wire that can be told from any thread."""

    def __init__(self, server_port: int) -> None:
        self._wire = Wire(server_port)
        self._loop = asyncio.new_event_loop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._wire.port

    def cut(self) -> None:
        """From now on the connections that stand are dead, and nobody is told."""
        self._loop.call_soon_threadsafe(self._wire.cut)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Serve while the context lasts."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._run(self._wire.__aenter__())
        try:
            yield
        finally:
            self._run(self._wire.__aexit__(None, None, None))
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)


@contextmanager
def proxied(server_port: int) -> Iterator[Proxy]:
    """A proxy to this port of loopback while the context lasts."""
    proxy = Proxy(server_port)
    with proxy.listening():
        yield proxy
