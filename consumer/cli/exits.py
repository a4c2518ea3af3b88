"""How a command ends: exit codes, as design and sysexits.h have them, and the one line that goes with each."""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum

from config import ConfigError, load
from consumer.cli.output import ReaderGone, note
from consumer.errors import AddressRefused, AtRisk, SourceError, SourceRefused, SourceUnavailable
from consumer.telemetry.logs import redact
from storage import DatabaseError, OperatorError, RejectedError, UnavailableError

_ADDRESSED = "`tapestore config show` names the right address"


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    UNAVAILABLE = 69
    BUG = 70
    CONFIG = 78
    READER_GONE = 141  # as a shell says of a program that SIGPIPE ended


class UsageError(Exception):
    """The arguments do not fit together."""


def told(error: Exception) -> Exit:
    """Say on stderr why a command ends with this error; returns its exit code."""
    code, text = exit_of(error)
    if code is Exit.READER_GONE:
        _silence()
    else:
        note(f"tapestore: {redact(text)}")
    if code is Exit.BUG and _debugging():
        note("".join(map(redact, traceback.format_exception(error))))
    return code


def exit_of(error: BaseException) -> tuple[Exit, str]:
    """The exit code and the text for an error that ends a command; only that of settings has several lines."""
    match error:
        case ReaderGone():
            return Exit.READER_GONE, ""
        case ConfigError():
            return Exit.CONFIG, str(error)
        case AtRisk():
            return Exit.CONFIG, _in_one_line(f"refused by --strict: {error}")
        case UsageError() | RejectedError():
            return Exit.USAGE, _in_one_line(str(error))
        case OperatorError() | SourceRefused() | AddressRefused():
            return Exit.UNAVAILABLE, _in_one_line(f"{error}; {error.fix}")
        case UnavailableError() | SourceUnavailable():
            return Exit.UNAVAILABLE, _in_one_line(f"{error}; see that it runs, and that {_ADDRESSED}")
        case DatabaseError() | SourceError():
            return Exit.UNAVAILABLE, _in_one_line(str(error))
        case OSError():
            return Exit.UNAVAILABLE, _in_one_line(_of_the_system(error))
        case BaseExceptionGroup():
            return exit_of(error.exceptions[0])
        case _:
            said = f"unexpected {type(error).__name__}: {error} (LOG_LEVEL=DEBUG shows where)"
            return Exit.BUG, _in_one_line(said)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _of_the_system(error: OSError) -> str:
    if error.strerror is None:
        return f"{type(error).__name__} {error}"
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _debugging() -> bool:
    try:
        return load().telemetry.log_level == "DEBUG"
    except ConfigError:
        return False


def _silence() -> None:
    """Python flushes stdout at its end once more, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
