"""What an event is: a function whose call is counted by its body and logged under its own name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import getdoc, signature
from typing import Any, ParamSpec

import structlog

from consumer.telemetry.logs import describe, wanted
from consumer.telemetry.throttle import Throttle

P = ParamSpec("P")
Counts = Callable[P, Mapping[str, object] | None]
"""The body of an event: it counts, and may return more fields for the log line."""


@dataclass(frozen=True, slots=True)
class Event:
    """One declared event; floods of it are grouped `by` fields, and the fields in `total` are summed."""

    name: str
    level: int
    about: str
    fields: tuple[str, ...]
    by: tuple[str, ...]
    total: tuple[str, ...]
    throttle: Throttle | None

    def log(self, fields: Mapping[str, Any], now: float) -> None:
        """Write the line, or hold it back when the last one was a moment ago."""
        if self.throttle is None:
            self._write(fields)
            return
        key = tuple(_group(fields[name]) for name in self.by)
        amounts = {name: fields[name] for name in self.total}
        if line := self.throttle.tell(key, _without_frames(fields), amounts, now):
            self._write({**line, "exc_info": fields.get("exc_info")})

    def catch_up(self, now: float, *, at_the_end: bool) -> None:
        """Write what was held back long enough; at the end, all of it."""
        if self.throttle is not None:
            for line in self.throttle.due(now, all_of_them=at_the_end):
                self._write(line)

    def _write(self, fields: Mapping[str, Any]) -> None:
        structlog.get_logger().log(self.level, self.name, **fields)


DECLARED: dict[str, Event] = {}
"""Every event by its name, in the order of `events.py`."""


def event(
    level: int, *, every: float = 0, by: tuple[str, ...] = (), total: tuple[str, ...] = ()
) -> Callable[[Counts[P]], Callable[P, None]]:
    """Declare an event; with `every`, at most one line of each group in so many seconds."""

    def declare(counts: Counts[P]) -> Callable[P, None]:
        parameters = tuple(signature(counts).parameters)
        declared = Event(
            counts.__name__, level, getdoc(counts) or "", parameters, by, total, Throttle(every) if every else None
        )
        DECLARED[declared.name] = declared

        @wraps(counts)
        def happened(*args: P.args, **kwargs: P.kwargs) -> None:
            more = counts(*args, **kwargs)
            if not wanted(level):
                return
            fields: dict[str, Any] = {**dict(zip(parameters, args, strict=False)), **kwargs, **(more or {})}
            declared.log(fields, time.monotonic())

        return happened

    return declare


def catch_up(*, at_the_end: bool = False) -> None:
    """Write the lines that were held back and are due; call it now and then."""
    now = time.monotonic()
    for declared in DECLARED.values():
        declared.catch_up(now, at_the_end=at_the_end)


def _group(value: object) -> str:
    return type(value).__name__ if isinstance(value, BaseException) else str(value)


def _without_frames(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What may be kept for a while: an exception would keep the frames that it went through."""
    kept = {name: describe(each) if isinstance(each, BaseException) else each for name, each in fields.items()}
    return {name: each for name, each in kept.items() if name != "exc_info"}
