"""What the disk, SQLite and Arrow complain about, in the words of `storage.errors`."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from storage.adapters.local.manifest import File
from storage.errors import DatabaseError, OperatorError, TransientError, UnavailableError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR})
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})


class FileGone(Exception):
    """A file that the manifest listed a moment ago is not there: replaced, if the manifest lists it no more."""

    def __init__(self, file: File) -> None:
        super().__init__(file.name)
        self.file = file


class Unreadable(Exception):
    """The bytes of a file are not those that were written."""


@contextmanager
def translated(base: Path) -> Iterator[None]:
    """Let only errors of `storage.errors` escape; `base` is the folder that the person has to look at."""
    try:
        yield
    except DatabaseError:
        raise
    except FileGone as gone:
        raise damaged(base / gone.file.collection / gone.file.name, "the file is missing") from gone
    except MemoryError as error:  # ArrowMemoryError among them
        raise TransientError(f"out of memory: {error}") from error
    except OSError as error:
        raise _of_the_disk(error, base) from error
    except sqlite3.Error as error:
        raise _of_sqlite(error, base) from error
    except pa.ArrowException as error:
        raise damaged(base, error) from error


def damaged(place: Path, error: object) -> OperatorError:
    """The bytes on the disk are not those that were written."""
    return OperatorError(f"{place} is damaged: {error}", fix="check the disk and restore the folder from a backup")


def _of_the_disk(error: OSError, base: Path) -> DatabaseError:
    said = f"{error.strerror or error}: {error.filename or base}"
    if error.errno in _FULL:
        return _full(said, base)
    if error.errno in _FORBIDDEN:
        return _forbidden(said, base)
    if error.errno in _TOO_MANY:
        return OperatorError(said, fix="raise the limit of open files (ulimit -n)")
    if error.errno == errno.EIO:
        return damaged(base, said)
    return TransientError(f"{type(error).__name__}: {said}")


def _of_sqlite(error: sqlite3.Error, base: Path) -> DatabaseError:
    said = f"{error} in {base}"
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return _full(said, base)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return _forbidden(said, base)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_INTERRUPT:
            return TransientError(said)
        case sqlite3.SQLITE_CANTOPEN:
            return UnavailableError(said)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(base, error)
        case _:
            return TransientError(f"{type(error).__name__}: {said}")


def _full(said: str, base: Path) -> OperatorError:
    return OperatorError(said, fix=f"free space on the disk of {base} or raise its quota")


def _forbidden(said: str, base: Path) -> OperatorError:
    return OperatorError(said, fix=f"make {base} writable for this user, or set LOCAL_PATH to a folder that is")
