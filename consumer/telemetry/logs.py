"""Log lines on stderr: JSON, or for a person at a terminal; no value can break, forge or colour a line."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from pydantic import SecretBytes, SecretStr
from rich.console import Console
from structlog.typing import Processor

from config.service import TelemetrySettings
from consumer.telemetry.throttle import Throttle

MAX_TEXT = 8192
"""Characters of one value; the rest is cut off."""

LIBRARY_SECONDS = 10.0
"""A library that says the same again within this time is not repeated."""

_URL_CREDENTIALS = re.compile(r"://\S+@")
_NAMED_SECRET = re.compile(r"\b(password|passwd|pwd|secret|token)=[^&;,\s'\"]+", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Line = MutableMapping[str, Any]

_threshold = logging.NOTSET


def configure_logs(settings: TelemetrySettings) -> None:
    """Send our own lines, and the warnings of the libraries, to stderr in one format."""
    global _threshold
    _threshold = logging.getLevelNamesMapping()[settings.log_level]
    for_a_person = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            structlog.processors.format_exc_info,
            *(_console_lines() if for_a_person else _json_lines()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_threshold),
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_libraries()


def wanted(level: int) -> bool:
    """Whether lines of this level are written; asking costs less than making a logger."""
    return level >= _threshold


def redact(text: str) -> str:
    """The text without the credentials in it, and not longer than MAX_TEXT."""
    hidden = _URL_CREDENTIALS.sub("://***@", text[: 2 * MAX_TEXT])
    return _NAMED_SECRET.sub(r"\1=***", hidden)[:MAX_TEXT]


def describe(error: BaseException) -> str:
    """An error in one line: its class and what it says, without credentials."""
    said = redact(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class Lines:
    """Writes whole lines; a stream that cannot be written to stops nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line."""
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = log = msg


class Libraries(logging.Handler):
    """Carries what other packages log into our lines, without their floods."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._throttle = Throttle(LIBRARY_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Log it as ours, under the name of its logger; called under the handler's lock."""
        key, fields = (record.name, record.levelno, str(record.msg)), {"logger": record.name}
        if line := self._throttle.tell(key, fields, {}, record.created):
            structlog.get_logger().log(record.levelno, record.getMessage(), exc_info=record.exc_info, **line)


def _route_libraries() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Libraries)]:
        root.removeHandler(handler)
    root.addHandler(Libraries())
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _add_trace(_logger: object, _method: str, line: Line) -> Line:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = trace.format_trace_id(context.trace_id)
        line["span_id"] = trace.format_span_id(context.span_id)
    return line


def _json_lines() -> list[Processor]:
    def render(_logger: object, _method: str, line: Line) -> str:
        first = {key: line.pop(key) for key in ("timestamp", "level", "event")}
        return json.dumps(_plain({**first, **line}, redact))

    return [render]


def _console_lines() -> list[Processor]:
    def clean(_logger: object, _method: str, line: Line) -> Line:
        exception = line.pop("exception", None)
        cleaned: Line = _plain(line, _printable)
        if exception is not None:
            cleaned["exception"] = "\n".join(f"  | {_printable(part)}" for part in str(exception).splitlines())
        return cleaned

    colors = sys.stderr.isatty() and not Console(stderr=True).no_color
    return [clean, structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)]


def _printable(text: str) -> str:
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], redact(text))


def _plain(value: Any, text: Callable[[str], str]) -> Any:
    """The value as JSON knows it: secrets as ***, errors described, everything unknown as text."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case SecretStr() | SecretBytes():
            return "***"
        case BaseException():
            return text(describe(value))
        case Mapping():
            return {text(str(key)): _plain(item, text) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, text) for item in value]
        case _:
            return text(str(value))
