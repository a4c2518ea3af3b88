"""What SQL drivers raise, as the errors of storage: the one place that knows their codes.

aiomysql gives numbers, asyncpg gives five-character states, SQLite gives result codes; asyncpg and the
sockets also raise past SQLAlchemy while connecting. A message never holds the URL or bound values.
"""

from __future__ import annotations

import sqlite3
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import (
    ConflictError,
    DatabaseError,
    OperatorError,
    RejectedError,
    TransientError,
    UnavailableError,
)


class Words(NamedTuple):
    """What messages call a database, and the setting that says where it is."""

    name: str = "SQL database"
    setting: str = "the connection string"


OURS = Words()

LOGIN = "check user and password of {setting}, and the host that this user may come from"
PRIVILEGE = "grant the user of {setting} SELECT, INSERT, UPDATE, DELETE, and for migrations CREATE, ALTER, INDEX, DROP"
DATABASE = "create the database that {setting} names"
DISK = "free disk space on the database server"
READ_ONLY = "point {setting} at a server that takes writes"
SCHEMA = "run `tapestore migrate up`"
TLS = "check the certificates and the TLS options of {setting}"
FILE = "check that the SQLite file and its folder can be written, and that the file is a database"

_OPERATOR_MYSQL = {
    LOGIN: (1044, 1045, 1129, 1130, 1251, 1524, 1698, 1820, 1862, 2049, 2059, 3118, 3159, 4151),
    PRIVILEGE: (1142, 1143, 1227, 1370),
    DATABASE: (1046, 1049),
    DISK: (3, 1021, 1030, 1114, 1871),
    READ_ONLY: (1290, 1792, 1836),
    SCHEMA: (1054, 1146),
    TLS: (2026,),
}
_OPERATOR_POSTGRESQL = {
    LOGIN: ("28",),
    PRIVILEGE: ("42501",),
    DATABASE: ("3D",),
    DISK: ("53100", "58"),
    READ_ONLY: ("25006",),
    SCHEMA: ("42P01", "42703", "3F000"),
}
_OPERATOR_SQLITE = {
    DISK: (sqlite3.SQLITE_FULL,),
    FILE: (
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    ),
}
FIX: Mapping[int | str, str] = {
    code: fix for fixes in (_OPERATOR_MYSQL, _OPERATOR_POSTGRESQL) for fix, codes in fixes.items() for code in codes
}
FIX_SQLITE: Mapping[int, str] = {code: fix for fix, codes in _OPERATOR_SQLITE.items() for code in codes}

UNAVAILABLE: frozenset[int | str] = frozenset({1053, 1927, 2002, 2003, 2006, 2013, 2014, 4031, "08", "57P"})
CONFLICT: frozenset[int | str] = frozenset({1062, "23505"})
REJECTED: frozenset[int | str] = frozenset(
    {1048, 1064, 1153, 1264, 1265, 1292, 1364, 1366, 1406, 1451, 1452, 3140, 3819, 4025, "22", "23", "42", "54"}
)
REJECTED_SQLITE = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH})
UNIQUE_SQLITE = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})

_COMMON = (SQLAlchemyError, OSError, TimeoutError, UnicodeEncodeError, sqlite3.Error)


def driver_errors() -> tuple[type[BaseException], ...]:
    """The roots of all that the drivers raise."""
    postgresql = _classes("asyncpg", "PostgresError", "InterfaceError", "InternalClientError")
    return (*_COMMON, *_classes("aiomysql", "Error"), *postgresql)


def _classes(driver: str, *names: str) -> tuple[type[BaseException], ...]:
    # A driver that nobody has loaded has raised nothing, and is not worth a tenth of a second of every start.
    module = sys.modules.get(driver)
    return tuple(getattr(module, name) for name in names) if module else ()


@contextmanager
def translated(words: Words = OURS) -> Iterator[None]:
    """Let nothing but DatabaseError escape from what drivers do inside."""
    try:
        yield
    except driver_errors() as error:
        raise translate(error, words) from error


def translate(error: BaseException, words: Words = OURS) -> DatabaseError:
    """The error of storage that says what the caller can do; what is not known is transient, and named."""
    if isinstance(error, PoolTimeout):
        return TransientError(f"all connections to the {words.name} are in use")
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return RejectedError(f"a value cannot be bound: {error.orig}")
    cause = _cause(error)
    match cause:
        case TimeoutError():
            return UnavailableError(f"the {words.name} did not answer in time")
        case ssl.SSLError():
            return OperatorError(f"no trusted connection to the {words.name}: {cause}", fix=_fix(TLS, words))
        case ConnectionError() if "SSL upgrade" in str(cause):  # asyncpg's words for a server without TLS
            return OperatorError(f"no trusted connection to the {words.name}: {cause}", fix=_fix(TLS, words))
        case OSError():
            return UnavailableError(f"no connection to the {words.name}: {cause}")
        case UnicodeEncodeError():
            return RejectedError("text that is not Unicode cannot be stored")
        case sqlite3.Error():
            return _of_sqlite(cause, words)
        case ValueError() if isinstance(cause, _classes("asyncpg", "InterfaceError")):
            return RejectedError(f"a value cannot be bound: {cause}")
    return _of_server(error, cause, words)


def _fix(fix: str, words: Words) -> str:
    return fix.format(setting=words.setting)


def _cause(error: BaseException) -> BaseException:
    """The driver's own error: SQLAlchemy wraps it, its asyncpg dialect twice, and aiomysql wraps those of TLS."""
    inner: BaseException = getattr(error, "orig", None) or error
    cause = inner.__cause__
    told = (*_classes("asyncpg", "PostgresError", "InterfaceError"), ssl.SSLError)
    return cause if cause is not None and isinstance(cause, told) else inner


def _of_server(error: BaseException, cause: BaseException, words: Words) -> DatabaseError:
    codes = _codes(cause)
    text = f"{words.name}: {_text(cause)}"
    for code in codes:
        if code in FIX:
            return OperatorError(text, fix=_fix(FIX[code], words))
        if code in CONFLICT:
            return ConflictError(text)
        if code in REJECTED:
            return RejectedError(text)
        if code in UNAVAILABLE:
            return UnavailableError(text)
    if isinstance(cause, _classes("asyncpg", "InterfaceError")) or getattr(error, "connection_invalidated", False):
        return UnavailableError(text)
    return TransientError(f"{text} ({type(cause).__name__})")


def _codes(cause: BaseException) -> tuple[int | str, ...]:
    """MySQL's number, or PostgreSQL's state and the classes that it belongs to."""
    if cause.args and isinstance(cause.args[0], int):
        return (cause.args[0],)
    state = getattr(cause, "sqlstate", None)
    return (state, state[:3], state[:2]) if isinstance(state, str) else ()


def _text(cause: BaseException) -> str:
    return str(cause.args[1]) if len(cause.args) > 1 and isinstance(cause.args[0], int) else str(cause)


def _of_sqlite(cause: sqlite3.Error, words: Words) -> DatabaseError:
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    text = f"{words.name}: {cause}"
    if code in UNIQUE_SQLITE:
        return ConflictError(text)
    primary = code & 0xFF
    if primary in REJECTED_SQLITE:
        return RejectedError(text)
    if primary in FIX_SQLITE:
        return OperatorError(text, fix=_fix(FIX_SQLITE[primary], words))
    # SQLite has no code of its own for a table or column that is not there.
    if any(sign in str(cause) for sign in ("no such table", "no such column", "has no column")):
        return OperatorError(text, fix=_fix(SCHEMA, words))
    return TransientError(text)
