"""What the disk says becomes what a person or a retry can do about it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from storage import DatabaseError, OperatorError, RejectedError, TransientError, UnavailableError
from storage.adapters.local.errors import FileGone, translated
from storage.adapters.local.manifest import File

BASE = Path("/data")


def said(error: Exception) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught, translated(BASE):
        raise error
    assert caught.value.__cause__ is error or caught.value is error
    return caught.value


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_asks_for_space(number: int) -> None:
    error = said(OSError(number, os.strerror(number), "/data/market/x"))

    assert isinstance(error, OperatorError)
    assert "free space" in error.fix and "/data" in error.fix and "/data/market/x" in str(error)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR])
def test_a_folder_that_is_not_writable_asks_for_it(number: int) -> None:
    error = said(OSError(number, os.strerror(number)))

    assert isinstance(error, OperatorError) and "writable" in error.fix


def test_too_many_open_files_ask_for_a_limit() -> None:
    error = said(OSError(errno.EMFILE, "Too many open files"))

    assert isinstance(error, OperatorError) and "ulimit" in error.fix


def test_a_broken_disk_asks_for_a_backup() -> None:
    error = said(OSError(errno.EIO, "Input/output error"))

    assert isinstance(error, OperatorError) and "backup" in error.fix


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, OperatorError),
        (sqlite3.SQLITE_READONLY, OperatorError),
        (sqlite3.SQLITE_IOERR_FSYNC, OperatorError),
        (sqlite3.SQLITE_CORRUPT, OperatorError),
        (sqlite3.SQLITE_BUSY, TransientError),
        (sqlite3.SQLITE_LOCKED, TransientError),
        (sqlite3.SQLITE_CANTOPEN, UnavailableError),
        (sqlite3.SQLITE_NOMEM, TransientError),
    ],
)
def test_sqlite_errors_are_told_apart_by_their_code(code: int, kind: type[DatabaseError]) -> None:
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code

    assert type(said(error)) is kind


def test_what_arrow_cannot_read_is_damaged() -> None:
    assert isinstance(said(pa.ArrowInvalid("no magic bytes")), OperatorError)


def test_a_listed_file_that_is_missing_is_damage() -> None:
    error = said(FileGone(File("trades_X", "1.parquet", 1, 1, 1, 1, 1, 1)))

    assert isinstance(error, OperatorError) and "trades_X/1.parquet" in str(error)


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EAGAIN, "again"), pa.ArrowMemoryError("out")])
def test_anything_else_may_be_tried_again(error: Exception) -> None:
    assert type(said(error)) is TransientError


def test_our_own_errors_pass() -> None:
    error = RejectedError("no")

    assert said(error) is error
