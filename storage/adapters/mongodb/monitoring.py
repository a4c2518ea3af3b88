"""What the driver tells of its pool and its commands, for `metrics` and the observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pymongo import errors, monitoring

from storage.adapters.mongodb.errors import translate
from storage.adapters.mongodb.shapes import shape_of
from storage.observer import Observer, PoolUse

SYSTEM = "mongodb"
UNAUTHORIZED = 13

Call = Callable[..., Any]


def at_once(function: Call, *arguments: Any) -> None:
    """Call a function here and now."""
    function(*arguments)


class Listener(monitoring.CommandListener, monitoring.ConnectionPoolListener):
    """Counts the connections of one client and tells the observer of waits and commands.

    The observer is asked for each time: it may be set after the client was made. `call` brings what the
    driver tells to the event loop; Motor tells it from threads. `unauthorized` once a server refused a command so.
    """

    def __init__(self, observer: Callable[[], Observer], call: Call = at_once) -> None:
        self._observer = observer
        self._call = call
        self.unauthorized = False
        self._size = self._in_use = self._waiting = 0
        self._shapes: dict[int, str] = {}

    def pool(self, maximum: int | None) -> PoolUse:
        """The connections now."""
        return PoolUse(self._size, self._in_use, self._waiting, maximum)

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        self._call(self._count, 1, 0, 0)

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        self._call(self._count, -1, 0, 0)

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None:
        self._call(self._count, 0, 0, 1)

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        self._call(self._count, 0, 0, -1)
        self._call(self._waited, event.duration)

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._call(self._count, 0, 1, -1)
        self._call(self._waited, event.duration)

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:
        self._call(self._count, 0, -1, 0)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        shape = shape_of(event.command_name, event.command)
        self._call(self._shapes.__setitem__, event.request_id, shape)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._call(self._ended, event, "")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._call(self._ended, event, _class_of(event.failure))
        self.unauthorized |= event.failure.get("code") == UNAUTHORIZED

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        """Says nothing that we count."""

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        """Says nothing that we count."""

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        """Says nothing that we count."""

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        """Says nothing that we count: each connection tells of its own end."""

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        """Says nothing that we count."""

    def _count(self, size: int, in_use: int, waiting: int) -> None:
        self._size += size
        self._in_use += in_use
        self._waiting += waiting

    def _waited(self, seconds: float) -> None:
        self._observer().connection_waited(SYSTEM, seconds)

    def _ended(self, event: monitoring.CommandSucceededEvent | monitoring.CommandFailedEvent, error: str) -> None:
        shape = self._shapes.pop(event.request_id, event.command_name)
        seconds = event.duration_micros / 1_000_000
        self._observer().operation_ended(SYSTEM, event.command_name, shape, seconds, error)


def _class_of(failure: Mapping[str, Any]) -> str:
    """The class of ours that a failed command is told by."""
    said, kind = str(failure.get("errmsg", "")), getattr(errors, str(failure.get("errtype")), None)
    refused = errors.OperationFailure(said, failure.get("code"), dict(failure))
    return type(translate(refused if kind is None else kind(said))).__name__
