"""Each driver's errors, in the words of storage."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator

import aiomysql
import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage import ConflictError, DatabaseError, OperatorError, RejectedError, TransientError, UnavailableError
from storage.sql.errors import FIX, FIX_SQLITE, driver_errors, translate, translated


def every(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        yield from every(child)


def of_mysql(code: int) -> BaseException:
    return OperationalError("SELECT 1", {}, aiomysql.OperationalError(code, "what the server said"))


def of_postgresql(state: str) -> BaseException:
    error: BaseException = asyncpg.PostgresError.get_message_class_for_sqlstate(state)("what the server said")
    return error


def of_sqlite(code: int, text: str = "what SQLite said") -> BaseException:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((of_mysql(code), OperatorError) for code in (1044, 1045, 1049, 1142, 1021, 1290, 1146, 2026)),
        *((of_mysql(code), UnavailableError) for code in (2002, 2003, 2006, 2013, 1053)),
        *((of_mysql(code), TransientError) for code in (1205, 1213, 1040, 9999)),
        *((of_mysql(code), RejectedError) for code in (4025, 1406, 1264, 1366, 1048)),
        (of_mysql(1062), ConflictError),
        *((of_postgresql(state), OperatorError) for state in ("28P01", "28000", "3D000", "42501", "53100", "25006")),
        *((of_postgresql(state), OperatorError) for state in ("42P01", "42703", "58030")),
        *((of_postgresql(state), UnavailableError) for state in ("08006", "57P01", "57P03")),
        *((of_postgresql(state), TransientError) for state in ("40001", "40P01", "53300", "55P03", "57014", "XX000")),
        *((of_postgresql(state), RejectedError) for state in ("22001", "22P05", "23502", "42601", "54000")),
        (of_postgresql("23505"), ConflictError),
        *((of_sqlite(code), OperatorError) for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)),
        *((of_sqlite(code), OperatorError) for code in (sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_IOERR_FSYNC)),
        *((of_sqlite(code), TransientError) for code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)),
        (of_sqlite(sqlite3.SQLITE_ERROR, "no such table: datasets"), OperatorError),
        (of_sqlite(sqlite3.SQLITE_CONSTRAINT_NOTNULL), RejectedError),
        (of_sqlite(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY), ConflictError),
        (PoolTimeout(), TransientError),
        (TimeoutError(), UnavailableError),
        (ConnectionRefusedError(111, "refused"), UnavailableError),
        (ssl.SSLCertVerificationError("self-signed"), OperatorError),
        (asyncpg.InterfaceError("connection is closed"), UnavailableError),
        (asyncpg.exceptions.DataError("an integer is required"), RejectedError),
        (StatementError("naive time", "INSERT", {}, ValueError("a time needs a time zone")), RejectedError),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), RejectedError),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)[:60]),
)
def test_an_error_says_what_to_do(error: BaseException, kind: type[DatabaseError]) -> None:
    assert type(translate(error)) is kind or (kind is TransientError and isinstance(translate(error), kind))


@pytest.mark.parametrize("root", [asyncpg.PostgresError, asyncpg.InterfaceError, aiomysql.Error, sqlite3.Error])
def test_no_error_of_a_driver_is_missed(root: type[Exception]) -> None:
    for kind in every(root):
        error = kind("words")
        assert isinstance(translate(error), DatabaseError)
        assert isinstance(error, driver_errors())


def test_a_fix_tells_something_to_do() -> None:
    assert all(len(fix.split()) > 3 for fix in (*FIX.values(), *FIX_SQLITE.values()))


def test_what_is_unknown_is_transient_and_named() -> None:
    assert "OperationalError" in str(translate(of_mysql(9999)))


def test_bound_values_and_statements_are_not_shown() -> None:
    error = DBAPIError("SELECT secret_column", {"password": "canary"}, aiomysql.OperationalError(1213, "Deadlock"))

    assert str(translate(error)).startswith("SQL database: Deadlock")


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


def test_the_cause_is_kept() -> None:
    with pytest.raises(UnavailableError) as caught, translated():
        raise ConnectionRefusedError

    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
