"""What an event is: a function whose call is counted by its body and logged under its own name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import getdoc, signature
from typing import Any, ParamSpec

import structlog

from consumer.telemetry.logs import wanted
from consumer.telemetry.throttle import Held, Throttle

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

    def log(self, fields: Mapping[str, object], now: float) -> None:
        """Write the line, or hold it back when the last one was a moment ago."""
        if self.throttle is None:
            structlog.get_logger().log(self.level, self.name, **fields)
            return
        key = tuple(_group(fields[name]) for name in self.by)
        held = self.throttle.tell(key, {name: _number(fields[name]) for name in self.total}, now)
        if held is not None:
            structlog.get_logger().log(self.level, self.name, **{**fields, **held.sums, **_occurrences(held)})

    def catch_up(self, now: float, *, at_the_end: bool) -> None:
        """Write what was held back long enough; at the end, all of it."""
        if self.throttle is None:
            return
        for key, held in self.throttle.due(now, all_of_them=at_the_end):
            fields = dict(zip(self.by, key, strict=True))
            structlog.get_logger().log(self.level, self.name, **{**fields, **held.sums, **_occurrences(held)})


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


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _occurrences(held: Held) -> Mapping[str, object]:
    return {"occurrences": held.times} if held.times > 1 else {}
