"""Exit codes, as design and sysexits.h have them, and the one line that goes with each."""

from __future__ import annotations

from enum import IntEnum

from config import ConfigError
from consumer.errors import AddressRefused, SourceError, SourceRefused
from storage import DatabaseError, OperatorError, RejectedError


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    UNAVAILABLE = 69
    BUG = 70
    CONFIG = 78


class UsageError(Exception):
    """The arguments do not fit together."""


def exit_of(error: BaseException) -> tuple[Exit, str]:
    """The exit code and the line for an error that ends a command."""
    match error:
        case ConfigError():
            return Exit.CONFIG, str(error)
        case UsageError():
            return Exit.USAGE, str(error)
        case OperatorError() | SourceRefused() | AddressRefused():
            return Exit.UNAVAILABLE, f"{error}\n  {error.fix}"
        case RejectedError():
            return Exit.USAGE, str(error)
        case DatabaseError() | SourceError() | ConnectionError():
            return Exit.UNAVAILABLE, str(error)
        case BaseExceptionGroup():
            return exit_of(error.exceptions[0])
        case _:
            return Exit.BUG, f"unexpected {type(error).__name__}: {error} (LOG_LEVEL=DEBUG shows where)"
