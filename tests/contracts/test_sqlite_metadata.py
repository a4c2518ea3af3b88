"""SQLite keeps the contract of the metadata database, and what is its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from storage import OperatorError, RejectedError, UnavailableError
from storage.errors import TransientError
from storage.metadata import MetadataDatabase
from tests.contracts.metadata import MetadataContract


class TestSqliteMetadata(MetadataContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/data/metadata.sqlite"

    async def test_the_file_is_in_wal_mode(self, database: MetadataDatabase) -> None:
        async with database.read() as connection:
            assert (await connection.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"

    async def test_a_writer_waits_for_another_and_then_gives_up(self, url: str) -> None:
        async with MetadataDatabase(url) as holder, MetadataDatabase(url, timeout_seconds=0.2) as other:
            async with holder.write():
                with pytest.raises(TransientError, match="locked"):
                    async with other.write():
                        pass

            async with other.write():
                pass

    async def test_readers_do_not_wait_for_a_writer(self, database: MetadataDatabase) -> None:
        async with database.write():
            await database.ping()


async def test_a_file_that_is_no_database_needs_a_person(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"
    file.write_bytes(b"not a database " * 1000)

    with pytest.raises(OperatorError) as caught:
        await MetadataDatabase(f"sqlite:///{file}").connect()

    assert "SQLite file" in caught.value.fix


async def test_a_folder_that_cannot_be_made_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OperatorError, match="no folder"):
        await MetadataDatabase(f"sqlite:///{tmp_path}/file/metadata.sqlite").connect()


async def test_a_full_disk_needs_a_person(tmp_path: Path) -> None:
    async with MetadataDatabase(f"sqlite:///{tmp_path}/metadata.sqlite") as database:
        with pytest.raises(OperatorError) as caught:
            async with database.write() as connection:
                await connection.execute(text("PRAGMA max_page_count = 2"))
                await connection.execute(text("CREATE TABLE t (x BLOB)"))
                await connection.execute(text("INSERT INTO t VALUES (zeroblob(100000))"))

    assert "disk space" in caught.value.fix


async def test_what_takes_too_long_is_unavailable(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n"
    async with MetadataDatabase(f"sqlite:///{tmp_path}/metadata.sqlite", timeout_seconds=0.1) as database:
        with pytest.raises(UnavailableError, match="in time"):
            async with database.read() as connection:
                await connection.execute(text(endless))


def test_memory_is_no_place_for_metadata() -> None:
    with pytest.raises(RejectedError, match="needs a file"):
        MetadataDatabase("sqlite://")
