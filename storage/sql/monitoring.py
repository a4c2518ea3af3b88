"""What statements and waits tell the observer: how long they took and their shape, never a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine, ExceptionContext

from storage.observer import Observer
from storage.sql.errors import translate

_MAX_CHARACTERS = 500
_MAX_STATEMENT = 4000
_PLACEHOLDER = re.compile(r"%s|\?|\$\d+(::[A-Z ]+(\(\d+(, \d+)?\))?)?|%\(\w+\)s")
_LIST = re.compile(r"\?(, \?)+,?")
_ROWS = re.compile(r"(\(\?, …\))(, ?\(\?, …\))*(, ?\(\?.*)?")
_AFTER_ROWS = (" ON CONFLICT", " RETURNING")


def shape_of(statement: str) -> str:
    """The statement as it was sent, with one placeholder for any number of values and rows."""
    if len(statement) <= _MAX_STATEMENT:
        return _collapsed(statement)[:_MAX_CHARACTERS]
    starts = [start for words in _AFTER_ROWS if (start := statement.rfind(words)) > _MAX_STATEMENT]
    end = statement[min(starts) :] if starts else ""
    return f"{_collapsed(statement[:_MAX_STATEMENT])} {_collapsed(end)}".rstrip()[:_MAX_CHARACTERS]


def _collapsed(statement: str) -> str:
    text = _LIST.sub("?, …", _PLACEHOLDER.sub("?", " ".join(statement.split())))
    return _ROWS.sub(r"\1", text)


class Listener:
    """Hears the statements of one engine and tells the observer, who is asked for each time: it may change."""

    def __init__(self, system: str, observer: Callable[[], Observer]) -> None:
        self._system = system
        self._observer = observer
        self._running: dict[Connection, tuple[str, float]] = {}

    def listen(self, engine: Engine) -> None:
        """Hear all statements of this engine from now on."""
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        event.listen(engine, "handle_error", self._fail)

    def waited(self, seconds: float) -> None:
        """Somebody got a connection, or gave up."""
        self._observer().connection_waited(self._system, seconds)

    def left(self, connection: Connection, error: str) -> None:
        """Nobody waits for the answer any more, if one is due."""
        self._tell(connection, error)

    def _begin(self, connection: Connection, _: Any, statement: str, *__: Any) -> None:
        self._running[connection] = statement, perf_counter()

    def _end(self, connection: Connection, *_: Any) -> None:
        self._tell(connection, "")

    def _fail(self, context: ExceptionContext) -> None:
        if context.connection is not None:
            self._tell(context.connection, type(translate(context.sqlalchemy_exception or OSError())).__name__)

    def _tell(self, connection: Connection, error: str) -> None:
        if connection in self._running:
            statement, started = self._running.pop(connection)
            operation = statement.lstrip().split(None, 1)[0].lower()
            seconds = perf_counter() - started
            self._observer().operation_ended(self._system, operation, shape_of(statement), seconds, error)
