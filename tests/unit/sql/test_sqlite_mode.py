"""SQLite's journal mode is changed by whoever can; nobody fails because another was there first."""

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.metadata import MetadataDatabase


async def test_a_file_that_others_read_is_opened_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM theirs").fetchall()

        async with MetadataDatabase(f"sqlite:///{file}", timeout_seconds=0.5) as database:
            await database.ping()
